/** A request as the service understands it: plans and measurements follow from the networks that it calls. */
import { parse } from "@armature/contract";
import { generateRequest } from "@armature/diffusion/contract/index";
import { type CompleteRequest, completeRequest } from "@armature/diffusion/features/complete";
import { resolveRequest } from "@armature/diffusion/request/resolve";
import type { Served } from "@armature/diffusion/served/served";

/** A plan or a measurement may exceed every service's limits. */
const NO_LIMITS = {
  maxPixels: Number.POSITIVE_INFINITY,
  maxSteps: Number.POSITIVE_INFINITY,
  maxImages: Number.POSITIVE_INFINITY,
  maxControlNets: Number.POSITIVE_INFINITY,
  maxPromptLength: Number.POSITIVE_INFINITY,
  maxWork: Number.POSITIVE_INFINITY,
};

/** A field's picture. No call of a network depends on it, since the request gives width and height. */
export const ANY_PICTURE = "AAAA";

/**
 * `fields`: of `POST /generate`, with `width` and `height`; the prompt is empty unless given. Parsed, resolved against what is served
 * and completed by the service's own code. Throws InvalidRequest with a pointer for each wrong field.
 */
export function resolvedRequest(fields: Readonly<Record<string, unknown>>, served: Served): CompleteRequest {
  const request = parse(generateRequest(NO_LIMITS), { prompt: "", ...fields });
  const service = { served, limits: NO_LIMITS, precision: undefined, drawSeed: () => 0 };
  return completeRequest(resolveRequest(request, service));
}
