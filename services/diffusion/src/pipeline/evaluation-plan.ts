/** Which networks each evaluation of a run calls, known before the first. */
import { covers, type StepWindow } from "./step-window.js";

export interface PlannedEvaluation<Control extends StepWindow> {
  /** Both halves of the guidance, or the text alone. */
  guided: boolean;
  /** The ControlNets whose window covers it. */
  controls: readonly Control[];
  /** ControlNets and the whole UNet, or the shallow UNet with what the last whole one kept. */
  whole: boolean;
  /** The next one is shallow, so what it takes is to be kept. */
  keep: boolean;
  /** Calls networks at a batch that none before did, and is not the first of all: a device may have to open them. */
  newKind: boolean;
}

export interface EvaluationPlanInputs<Control extends StepWindow> {
  total: number;
  guidance: { interval: StepWindow } | undefined;
  controls: readonly Control[];
  /** One whole evaluation in so many; 1: all are. */
  cacheInterval: number;
}

/**
 * Whole: the first evaluation, the one `cacheInterval` after another whole one, and one where guidance or a ControlNet sets in
 * or ends, for what was kept before it is of other inputs.
 */
export function planEvaluations<Control extends StepWindow>({
  total,
  guidance,
  controls,
  cacheInterval,
}: EvaluationPlanInputs<Control>): PlannedEvaluation<Control>[] {
  const inputs = Array.from({ length: total }, (_, i) => ({
    guided: guidance !== undefined && covers(guidance.interval, i, total),
    controls: controls.filter((unit) => covers(unit, i, total)),
  }));
  let age = 0;
  const whole = inputs.map((now, i) => {
    const before = inputs[i - 1];
    age = before && sameInputs(now, before) ? (age + 1) % cacheInterval : 0;
    return age === 0;
  });
  const kinds = inputs.map(({ guided }, i) => `${guided} ${whole[i]}`);
  return inputs.map((input, i) => ({
    ...input,
    whole: whole[i]!,
    keep: whole[i]! && whole[i + 1] === false,
    newKind: i > 0 && kinds.indexOf(kinds[i]!) === i,
  }));
}

type Inputs = Pick<PlannedEvaluation<StepWindow>, "guided" | "controls">;

/** Both lists are parts of one, in its order. */
function sameInputs(a: Inputs, b: Inputs): boolean {
  if (a.guided !== b.guided || a.controls.length !== b.controls.length) return false;
  return a.controls.every((unit, i) => unit === b.controls[i]);
}
