/** Which networks each evaluation of a run calls, and with which texts: known before the first. */
import { covers, type StepWindow } from "./step-window.js";

/** The texts of a call: both halves of the guidance share it, or one has it alone. */
export type Texts = "both" | "negative" | "prompt";

/** How many texts a call of these takes, each for all pictures. */
export const textCount = (texts: Texts): number => (texts === "both" ? 2 : 1);

/** One call of the networks. */
export interface PlannedPass {
  texts: Texts;
  /** The ControlNets that act in it, by their place in the request. */
  controls: readonly number[];
}

export interface PlannedEvaluation {
  /** Both halves of the guidance, or the prompt alone at half the work. */
  guided: boolean;
  /** With guidance the unconditional half comes first. */
  passes: readonly PlannedPass[];
  /** ControlNets and the whole UNet, or the shallow UNet with what the last whole one kept. */
  whole: boolean;
  /** The next one is shallow, so what it takes is to be kept. */
  keep: boolean;
  /** Calls networks at a batch that none before did, and is not the first of all: a device may have to open them. */
  newKind: boolean;
}

/** What of a request decides its calls. */
export interface EvaluationRequest {
  guidanceScale: number;
  guidanceInterval: StepWindow;
  /** One whole evaluation in this many; 1: all are. */
  cacheInterval: number;
  controls: readonly (StepWindow & {
    /** Guides the conditional half alone. */
    conditionalOnly: boolean;
  })[];
}

/** Whether a call counts. */
export type Counted = (evaluation: PlannedEvaluation, pass: PlannedPass) => boolean;

/** The batches of the calls that count, each once, in a run for `images` pictures. */
export function batchesOf(
  evaluations: readonly PlannedEvaluation[],
  images: number,
  counts: Counted = () => true,
): number[] {
  const counted = evaluations.flatMap((evaluation) => evaluation.passes.filter((pass) => counts(evaluation, pass)));
  return [...new Set(counted.map(({ texts }) => textCount(texts) * images))];
}

/** Whether the negative prompt has any effect. */
export const isGuided = ({ guidanceScale }: Pick<EvaluationRequest, "guidanceScale">): boolean => guidanceScale > 1;

/**
 * Whole: the first evaluation, the one `cacheInterval` after another whole one, and one where guidance or a ControlNet sets in
 * or ends, for what was kept before it is of other inputs.
 */
export function planEvaluations(request: EvaluationRequest, total: number): PlannedEvaluation[] {
  const inputs = Array.from({ length: total }, (_, i) => {
    const guided = isGuided(request) && covers(request.guidanceInterval, i, total);
    const active = [...request.controls.keys()].filter((control) => covers(request.controls[control]!, i, total));
    return { guided, active };
  });
  let age = 0;
  const whole = inputs.map((now, i) => {
    const before = inputs[i - 1];
    age = before && sameInputs(now, before) ? (age + 1) % request.cacheInterval : 0;
    return age === 0;
  });
  const kinds = inputs.map(({ guided }, i) => `${guided} ${whole[i]}`);
  return inputs.map(({ guided, active }, i) => ({
    guided,
    passes: passesOf(request, guided, active),
    whole: whole[i]!,
    keep: whole[i]! && whole[i + 1] === false,
    newKind: i > 0 && kinds.indexOf(kinds[i]!) === i,
  }));
}

/**
 * Both halves of the guidance in one call, unless a ControlNet guides the conditional half alone: then each half has its own call,
 * at the same cost.
 */
function passesOf({ controls }: EvaluationRequest, guided: boolean, active: number[]): PlannedPass[] {
  const conditional: PlannedPass = { texts: "prompt", controls: active };
  if (!guided) return [conditional];
  if (!controls.some(({ conditionalOnly }) => conditionalOnly)) return [{ texts: "both", controls: active }];
  return [{ texts: "negative", controls: active.filter((i) => !controls[i]!.conditionalOnly) }, conditional];
}

interface Inputs {
  guided: boolean;
  active: number[];
}

const sameInputs = (a: Inputs, b: Inputs): boolean => a.guided === b.guided && a.active.join() === b.active.join();
