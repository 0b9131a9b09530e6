/** The texts of the networks' calls, as the networks take them. */
import type { Tensor } from "onnxruntime-node";
import { type Texts, textCount } from "./evaluation-plan.js";
import { type PromptEmbeds, pickText, repeatEach } from "./prompt.js";

/** What is the same in all calls with these texts. */
export interface TextBatch {
  texts: number;
  context: Tensor; // [texts * N, 77, D]
}

/** The batches of a run for `count` pictures, each made when it is first asked for. `embeds`: negative text, then the prompt; or the prompt alone. */
export function textBatches(embeds: PromptEmbeds, count: number): (texts: Texts) => TextBatch {
  const known = new Map<Texts, TextBatch>();
  return (texts) => {
    const batch = known.get(texts) ?? { texts: textCount(texts), context: repeatEach(pick(embeds, texts), count) };
    known.set(texts, batch);
    return batch;
  };
}

function pick(embeds: PromptEmbeds, texts: Texts): PromptEmbeds {
  if (texts === "both") return embeds;
  return pickText(embeds, texts === "negative" ? 0 : embeds.texts - 1);
}
