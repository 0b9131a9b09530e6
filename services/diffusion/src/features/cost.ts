/** What the features of a request make its evaluations cost. */
import { type PlannedEvaluation, textCount } from "../denoise/evaluation-plan.js";
import type { CompleteRequest } from "../request/complete.js";
import { FEATURES } from "./index.js";

/** Pixels x pictures x evaluations, each counted as its share of one with guidance and without ControlNets or savings. */
export function evaluationsWork(request: CompleteRequest, evaluations: readonly PlannedEvaluation[]): number {
  const shares = evaluations.flatMap(({ passes, whole }) =>
    passes.map(({ texts, controls }) => {
      const call = { whole, controls: controls.length };
      return FEATURES.reduce((share, { cost }) => share * (cost?.(request, call) ?? 1), textCount(texts) / 2);
    }),
  );
  const { size, seeds } = request;
  return size.width * size.height * seeds.length * shares.reduce((sum, share) => sum + share, 0);
}
