/** The service's routes as its OpenAPI document shows them. */
import { imageRequest, name, processorsResponse } from "@armature/contract";
import type { RouteDeclaration } from "@armature/http";
import { z } from "zod";
import type { Processor } from "../annotators/annotator.js";
import { jsonRequest } from "../request/annotation-request.js";

/** Every route but those that all services have. */
export function routeDeclarations(served: readonly Processor[]): RouteDeclaration[] {
  return [anyProcessor(served), ...served.map(oneProcessor), PROCESSORS_ROUTE];
}

/** The route as it is registered; which options it takes is in the other declarations, for each processor has its own. */
function anyProcessor(served: readonly Processor[]): RouteDeclaration {
  const ids = served.map(({ id }) => `\`${id}\``).join(", ");
  return {
    ...CONTROL_IMAGE,
    path: "/image/:processor",
    summary: "Makes a control image from a picture",
    description:
      "The picture is the body (JPEG, PNG, WebP, AVIF, GIF or TIFF), or JSON that carries or names it. " +
      `Processors: ${ids}. Each has options of its own, which are query parameters, or fields of the JSON beside \`image\`: ` +
      "its own path shows them, and `GET /processors` lists them.",
    params: z.object({ processor: name.describe("Id of a processor") }),
    request: { ...PICTURES, "application/json": z.looseObject(imageRequest.shape) },
  };
}

function oneProcessor(processor: Processor): RouteDeclaration {
  return {
    ...CONTROL_IMAGE,
    path: `/image/${processor.id}`,
    summary: processor.description,
    query: processor.options,
    request: { ...PICTURES, "application/json": jsonRequest(processor) },
  };
}

const PICTURES = { "image/*": "binary", "application/octet-stream": "binary" } as const;

const CONTROL_IMAGE = {
  method: "post",
  tag: "Control images",
  responses: {
    200: {
      description: "The control image, without loss: WebP, or PNG if `Accept` asks for it or the picture is huge",
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
    ...([
      "source-unreachable",
      "queue-full",
      "over-budget",
      "budget-full",
      "decoder-crashed",
      "engine-crashed",
      "not-finite",
      "engine-unavailable",
      "draining",
    ] as const),
    ...(["deadline-exceeded", "device-lost", "out-of-memory"] as const),
  ],
} satisfies Partial<RouteDeclaration>;

const PROCESSORS_ROUTE: RouteDeclaration = {
  method: "get",
  path: "/processors",
  tag: "Control images",
  summary: "What computes, and the processors that can be used with their options",
  responses: { 200: { description: "Processors", content: { "application/json": processorsResponse } } },
};
