/** The service's routes as its OpenAPI document shows them. */
import { controlNetsResponse, modelsResponse, name, OUTPUT_FORMATS } from "@armature/contract";
import type { MediaTypes, RouteDeclaration } from "@armature/http";
import { z } from "zod";
import { generateRequest, generateResponse } from "../contract/generate.js";
import type { GenerateLimits } from "../features/limits.js";
import { schedulingHeaders } from "./scheduling-headers.js";

const PICTURES: MediaTypes = Object.fromEntries(OUTPUT_FORMATS.map((format) => [`image/${format}`, "binary" as const]));

/** Every route but those that all services have. */
export function routeDeclarations(limits: GenerateLimits): RouteDeclaration[] {
  const type = z.object({ type: name });
  return [
    {
      method: "post",
      path: "/generate",
      tag: "Pictures",
      summary: "Makes pictures from a prompt, and from other pictures through ControlNets",
      description:
        "As JSON, as a bare picture (`Accept: image/png`), or as events with progress (`Accept: text/event-stream`).",
      headers: schedulingHeaders,
      request: { "application/json": generateRequest(limits) },
      responses: {
        200: {
          description: "The pictures",
          content: { "application/json": generateResponse(limits), "text/event-stream": "binary", ...PICTURES },
          headers: {
            "X-Seed": "The seed of a bare picture",
            "X-Warnings": "The warnings of a bare picture, a list in JSON; absent where there are none",
          },
        },
      },
      problems: [
        "malformed-request",
        "not-acceptable",
        "body-too-large",
        "unsupported-media-type",
        "invalid-request",
        "queue-full",
        "over-budget",
        "budget-full",
        "upstream-failed",
        "upstream-unavailable",
        "decoder-crashed",
        "engine-crashed",
        "not-finite",
      ],
    },
    {
      method: "get",
      path: "/models",
      tag: "Served",
      summary: "Models that are served, with their defaults, what is loaded and its bytes",
      responses: { 200: { description: "Models", content: { "application/json": modelsResponse } } },
    },
    {
      method: "get",
      path: "/controlnets",
      tag: "Served",
      summary: "ControlNets that are served, what is loaded and its bytes",
      responses: { 200: { description: "ControlNets", content: { "application/json": controlNetsResponse } } },
    },
    ...(["load", "unload"] as const).map(
      (action): RouteDeclaration => ({
        method: "post",
        path: `/controlnets/:type/${action}`,
        operator: true,
        tag: "Served",
        summary: action === "load" ? "Loads a ControlNet before it is asked for" : "Releases a ControlNet's memory",
        params: type,
        responses: { 200: { description: "ControlNets", content: { "application/json": controlNetsResponse } } },
        problems: ["foreign-origin", "not-found", "unsupported-media-type", "host-not-served", "out-of-memory"],
      }),
    ),
  ];
}
