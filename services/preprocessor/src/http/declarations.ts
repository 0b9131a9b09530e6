/** The service's routes as its OpenAPI document shows them. */
import { imageRequest, name, processorsResponse } from "@armature/contract";
import type { RouteDeclaration } from "@armature/http";
import { z } from "zod";
import type { Processor } from "../processors/processor.js";

/** Every route but those that all services have. */
export function routeDeclarations(processors: readonly Processor[]): RouteDeclaration[] {
  const ids = processors.map(({ id }) => `\`${id}\``).join(", ");
  return [
    {
      method: "post",
      path: "/image/:processor",
      tag: "Control images",
      summary: "Makes a control image from a picture",
      description:
        "The picture is the body (JPEG, PNG, WebP, AVIF, GIF or TIFF), or JSON that carries or names it. " +
        `Processors: ${ids}. Which of them takes which options: \`GET /processors\`.`,
      params: z.object({ processor: name.describe("Id of a processor") }),
      query: z.object(Object.assign({}, ...processors.map(({ options }) => options.shape))),
      request: { "image/*": "binary", "application/octet-stream": "binary", "application/json": imageRequest },
      responses: {
        200: {
          description: "The control image, without loss: WebP, or PNG if `Accept` asks for it",
          content: { "image/webp": "binary", "image/png": "binary" },
          headers: {
            "X-Inference-Time": "Seconds that the processor took",
            "X-Request-Time": "Seconds from the request's headers to the answer",
          },
        },
      },
      problems: [
        ...(["malformed-request", "not-found", "not-acceptable", "body-too-large", "unsupported-media-type"] as const),
        ...(["invalid-request", "image-too-large", "unsupported-image", "source-forbidden"] as const),
        ...(["source-unreachable", "queue-full", "engine-crashed", "engine-unavailable", "draining"] as const),
        ...(["deadline-exceeded", "device-lost", "out-of-memory"] as const),
      ],
    },
    {
      method: "get",
      path: "/processors",
      tag: "Control images",
      summary: "What computes, and the processors that can be used with their options",
      responses: { 200: { description: "Processors", content: { "application/json": processorsResponse } } },
    },
  ];
}
