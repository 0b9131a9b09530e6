/** From a parsed request to what it means here: what is left open filled in, what this service cannot do refused by name. */
import { jsonPointer } from "@armature/contract";
import { InvalidRequest } from "@armature/core";

import type { GenerateRequest } from "../contract/generate.js";
import type { ResolveContext } from "../features/feature.js";
import { FEATURES, type GenerateParameters, type ResolvedRequest } from "../features/index.js";
import { workIssue } from "../features/limits.js";
import { findModel } from "../features/model.js";
import { completeSize } from "../features/size.js";

/** Nothing is loaded or drawn twice. Throws InvalidRequest with a pointer for each wrong field. */
export function resolveRequest(request: GenerateRequest, service: Omit<ResolveContext, "model">): ResolvedRequest {
  const context = { ...service, model: findModel(request.model, service.served) };
  const parts = FEATURES.map((feature) => feature.resolve(request, context));
  const pictures = FEATURES.flatMap((feature) => feature.pictures?.(request, context) ?? []);
  const resolved: ResolvedRequest = Object.assign({ pictures }, ...parts);
  for (const feature of FEATURES) feature.check?.(resolved);
  refuseTooMuchWork(resolved, context);
  return { ...resolved, size: withinWork(resolved, context) };
}

/** The fields that, sent in a request with the same pictures, are resolved to the same. */
export const toParameters = (resolved: ResolvedRequest): GenerateParameters =>
  Object.assign({}, ...FEATURES.map((feature) => feature.parameters(resolved)));

/** A size that is left open: no picture makes it more than the limit of work allows. */
function withinWork({ size, numInferenceSteps, seeds }: ResolvedRequest, { limits }: ResolveContext) {
  if ("width" in size) return size;
  return { ...size, most: Math.min(size.most, Math.floor(limits.maxWork / (numInferenceSteps * seeds.length))) };
}

function refuseTooMuchWork({ size, numInferenceSteps, seeds }: ResolvedRequest, { limits }: ResolveContext): void {
  const work = { ...completeSize(size, undefined), steps: numInferenceSteps, images: seeds.length };
  const issue = workIssue(work, limits);
  if (issue) throw new InvalidRequest([{ pointer: jsonPointer(issue.path), detail: issue.message }]);
}
