/** How much work a request is, for the queue: admission and Retry-After go by it. */

import { planEvaluations, textCount } from "../denoise/evaluation-plan.js";
import { FEATURES, type ResolvedRequest } from "../features/index.js";
import { completeSize } from "../features/size.js";
import { scheduleOf } from "../schedulers/index.js";

/** Pixels x pictures x evaluations, each counted as its share of one with guidance and without ControlNets or savings. */
export function requestWork(resolved: ResolvedRequest): number {
  const { size, seeds, scheduler, numInferenceSteps } = resolved;
  const { width, height } = completeSize(size, undefined);
  const evaluations = planEvaluations(resolved, scheduleOf(scheduler, numInferenceSteps).timesteps.length);
  const shares = evaluations.flatMap(({ passes, whole }) =>
    passes.map(({ texts, controls }) => {
      const call = { whole, controls: controls.length };
      return FEATURES.reduce((share, { cost }) => share * (cost?.(resolved, call) ?? 1), textCount(texts) / 2);
    }),
  );
  return width * height * seeds.length * shares.reduce((sum, share) => sum + share, 0);
}
