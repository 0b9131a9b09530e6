/** The texts of the networks' calls, as the networks take them. */
import type { Tensor } from "onnxruntime-node";
import { type Texts, textCount } from "./evaluation-plan.js";
import { type PromptEmbeds, pickText, repeatEach } from "./prompt.js";

/** What is the same in all calls with these texts. */
export interface Pass {
  texts: number;
  context: Tensor; // [texts * N, 77, D]
}

/** The passes of a run for `count` pictures, each made when it is first asked for. `embeds`: negative text, then the prompt; or the prompt alone. */
export function passesOf(embeds: PromptEmbeds, count: number): (texts: Texts) => Pass {
  const known = new Map<Texts, Pass>();
  return (texts) => {
    const pass = known.get(texts) ?? { texts: textCount(texts), context: repeatEach(pick(embeds, texts), count) };
    known.set(texts, pass);
    return pass;
  };
}

function pick(embeds: PromptEmbeds, texts: Texts): PromptEmbeds {
  if (texts === "both") return embeds;
  return pickText(embeds, texts === "negative" ? 0 : embeds.texts - 1);
}
