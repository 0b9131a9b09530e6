/** Which networks each evaluation of a run calls, and with which texts: known before the first. */
import type { Precision } from "@armature/contract";
import { covers, type StepWindow } from "../schedulers/step-window.js";

/** The texts of a call: both halves of the guidance share it, or one has it alone. */
export type Texts = "both" | "negative" | "prompt";

/** How many texts a call of these takes, each for all pictures. */
export const textCount = (texts: Texts): number => (texts === "both" ? 2 : 1);

/** One call of the networks. */
export interface NetworkCall {
  texts: Texts;
  /** The adapters that act in it, by their places in the request. */
  adapters: readonly number[];
}

/** One evaluation of the scheduler as calls of the networks. */
export interface EvaluationCalls {
  /** Both halves of the guidance, or the prompt alone at half the work. */
  guided: boolean;
  /** With guidance the unconditional half comes first. */
  calls: readonly NetworkCall[];
  /** Adapters and the whole UNet, or the shallow UNet with what the last whole one kept. */
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
  adapters: readonly (StepWindow & {
    /** Steers the conditional half alone. */
    conditionalOnly: boolean;
  })[];
}

/**
 * How many of a request's pictures share a call of the networks. In 8 bits activations have one scale per call, so each picture has
 * calls of its own, both its texts in one: it is the same alone and beside others.
 */
export const picturesPerCall = (precision: Precision | undefined, pictures: number): number =>
  precision === "int8" ? 1 : pictures;

/** The batches of the calls that `picked` says, each once, where `images` pictures share a call. */
export function batchesOf(
  evaluations: readonly EvaluationCalls[],
  images: number,
  picked: (evaluation: EvaluationCalls, call: NetworkCall) => boolean = () => true,
): number[] {
  const calls = evaluations.flatMap((evaluation) => evaluation.calls.filter((call) => picked(evaluation, call)));
  return [...new Set(calls.map(({ texts }) => textCount(texts) * images))];
}

/** Whether the negative prompt has any effect. */
export const isGuided = ({ guidanceScale }: Pick<EvaluationRequest, "guidanceScale">): boolean => guidanceScale > 1;

/**
 * Whole: the first evaluation, the one `cacheInterval` after another whole one, and one where guidance or an adapter sets in
 * or ends, for what was kept before it is of other inputs.
 */
export function planEvaluations(request: EvaluationRequest, total: number): EvaluationCalls[] {
  const inputs = Array.from({ length: total }, (_, i) => {
    const guided = isGuided(request) && covers(request.guidanceInterval, i, total);
    const active = [...request.adapters.keys()].filter((place) => covers(request.adapters[place]!, i, total));
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
    calls: callsOf(request, guided, active),
    whole: whole[i]!,
    keep: whole[i]! && whole[i + 1] === false,
    newKind: i > 0 && kinds.indexOf(kinds[i]!) === i,
  }));
}

/**
 * Both halves of the guidance in one call, unless an adapter steers the conditional half alone: then each half has its own call,
 * at the same cost.
 */
function callsOf({ adapters }: EvaluationRequest, guided: boolean, active: number[]): NetworkCall[] {
  const conditional: NetworkCall = { texts: "prompt", adapters: active };
  if (!guided) return [conditional];
  if (!adapters.some(({ conditionalOnly }) => conditionalOnly)) return [{ texts: "both", adapters: active }];
  return [{ texts: "negative", adapters: active.filter((i) => !adapters[i]!.conditionalOnly) }, conditional];
}

interface Inputs {
  guided: boolean;
  active: number[];
}

const sameInputs = (a: Inputs, b: Inputs): boolean => a.guided === b.guided && a.active.join() === b.active.join();
