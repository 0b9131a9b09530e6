/** What the features and adapters of a request make its evaluations cost. */
import { type Adapter, adapterDefinition } from "../adapters/index.js";
import { type EvaluationCalls, textCount } from "../denoise/evaluation-plan.js";
import { adaptersOf } from "./adapters.js";
import type { CompleteRequest } from "./complete.js";
import { FEATURES } from "./index.js";

/** Pixels x pictures x evaluations, each counted as its share of one with guidance and without adapters or savings. */
export function evaluationsWork(request: CompleteRequest, evaluations: readonly EvaluationCalls[]): number {
  const adapters = adaptersOf(request);
  const shares = evaluations.flatMap(({ calls, whole }) => {
    const share = FEATURES.reduce((product, { cost }) => product * (cost?.(request, { whole }) ?? 1), 1);
    return calls.map(
      (call) => (textCount(call.texts) / 2) * share * (whole ? withAdapters(call.adapters, adapters) : 1),
    );
  });
  const { size, seeds } = request;
  return size.width * size.height * seeds.length * shares.reduce((sum, share) => sum + share, 0);
}

/** A call by the whole UNet and these adapters, as a multiple of one by the UNet alone. */
function withAdapters(acting: readonly number[], adapters: readonly Adapter[]): number {
  return acting.reduce((sum, place) => sum + adapterDefinition(adapters[place]!).share, 1);
}
