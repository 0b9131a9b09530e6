/** The service's routes as its OpenAPI document shows them. */
import { controlNetsResponse, modelsResponse, name, OUTPUT_FORMATS } from "@armature/contract";
import type { MediaTypes, RouteDeclaration, ServiceErrors } from "@armature/http";
import { z } from "zod";
import { generateRequest, generateResponse } from "../contract/generate.js";
import { UPSTREAM_ERRORS } from "../control-images/errors.js";
import type { GenerateLimits } from "../features/limits.js";
import { schedulingHeaders } from "./scheduling-headers.js";

const PICTURES: MediaTypes = Object.fromEntries(OUTPUT_FORMATS.map((format) => [`image/${format}`, "binary" as const]));

/** Codes of the errors that the preprocessor client throws. */
const UPSTREAM_PROBLEMS = Object.keys(UPSTREAM_ERRORS satisfies ServiceErrors) as (keyof typeof UPSTREAM_ERRORS)[];

/** Every route but those that all services have. */
export function routeDeclarations(limits: GenerateLimits): RouteDeclaration[] {
  return [generateRoute(limits), MODELS_ROUTE, CONTROLNETS_ROUTE, loadingRoute("load"), loadingRoute("unload")];
}

function generateRoute(limits: GenerateLimits): RouteDeclaration {
  return {
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
      ...(["malformed-request", "not-acceptable", "body-too-large", "unsupported-media-type"] as const),
      ...(["invalid-request", "queue-full", "over-budget", "budget-full"] as const),
      ...UPSTREAM_PROBLEMS,
      ...(["decoder-crashed", "engine-crashed", "not-finite"] as const),
    ],
  };
}

const CONTROLNETS = {
  200: { description: "ControlNets", content: { "application/json": controlNetsResponse } },
} satisfies RouteDeclaration["responses"];

const MODELS_ROUTE: RouteDeclaration = {
  method: "get",
  path: "/models",
  tag: "Served",
  summary: "Models that are served, with their defaults, what is loaded and its bytes",
  responses: { 200: { description: "Models", content: { "application/json": modelsResponse } } },
};

const CONTROLNETS_ROUTE: RouteDeclaration = {
  method: "get",
  path: "/controlnets",
  tag: "Served",
  summary: "ControlNets that are served, what is loaded and its bytes",
  responses: CONTROLNETS,
};

const loadingRoute = (action: "load" | "unload"): RouteDeclaration => ({
  method: "post",
  path: `/controlnets/:type/${action}`,
  operator: true,
  tag: "Served",
  summary: action === "load" ? "Loads a ControlNet before it is asked for" : "Releases a ControlNet's memory",
  params: z.object({ type: name }),
  responses: CONTROLNETS,
  problems: ["foreign-origin", "not-found", "unsupported-media-type", "host-not-served", "out-of-memory"],
});
