/** Which texts and ControlNets one call of the networks takes. */
import type { Tensor } from "onnxruntime-node";
import type { ControlUnit } from "./control.js";
import { type PromptEmbeds, pickText, repeatEach } from "./prompt.js";

/** One call of the networks: `texts` halves of the guidance share it. */
export interface Pass {
  texts: number;
  context: Tensor; // [texts * N, 77, D]
  controls: ControlUnit[];
}

/**
 * Both halves of the guidance in one call, unless a ControlNet in guess mode guides the conditional half alone: then each half
 * has its own call, at the same cost. `embeds` hold the negative text, then the text, for `count` pictures.
 */
export function guidedPasses(embeds: PromptEmbeds, controls: ControlUnit[], count: number): Pass[] {
  const unguessed = controls.filter((unit) => !unit.guessMode);
  if (unguessed.length === controls.length) return [{ texts: 2, context: repeatEach(embeds, count), controls }];
  return [{ ...textAlone(embeds, 0, count), controls: unguessed }, conditionalPass(embeds, controls, count)];
}

/** No guidance: the last text of `embeds` alone, at half the cost. */
export function conditionalPass(embeds: PromptEmbeds, controls: ControlUnit[], count: number): Pass {
  return { ...textAlone(embeds, embeds.texts - 1, count), controls };
}

function textAlone(embeds: PromptEmbeds, text: number, count: number): Omit<Pass, "controls"> {
  return { texts: 1, context: repeatEach(pickText(embeds, text), count) };
}
