/** The calls of the networks with some texts: which pictures share one, and both as the networks take them. */
import { Tensor } from "onnxruntime-node";
import { type PromptEmbeds, pickText, repeatEach } from "../prompts/prompt-embeds.js";
import { type Texts, textCount } from "./evaluation-plan.js";

/** What is the same in all steps of a call with these texts. */
export interface TextBatch {
  texts: number;
  /** The call's first picture among the run's, and how many it has. */
  first: number;
  pictures: number;
  /** The same tensor in all calls with these texts. */
  context: Tensor; // [texts * pictures, 77, D]
}

export interface BatchOptions {
  /** Negative text, then the prompt; or the prompt alone. */
  embeds: PromptEmbeds;
  /** Pictures of the run, and how many of them share a call. */
  pictures: number;
  perCall: number;
}

/** The calls with some texts, picture after picture, made when they are first asked for. */
export function textBatches({ embeds, pictures, perCall }: BatchOptions): (texts: Texts) => readonly TextBatch[] {
  const known = new Map<Texts, readonly TextBatch[]>();
  const make = (texts: Texts): TextBatch[] => {
    const context = repeatEach(pick(embeds, texts), perCall);
    const call = { texts: textCount(texts), pictures: perCall, context };
    return Array.from({ length: pictures / perCall }, (_, i) => ({ ...call, first: i * perCall }));
  };
  return (texts) => {
    const batches = known.get(texts) ?? make(texts);
    known.set(texts, batches);
    return batches;
  };
}

/** Of latents [N, C, h, w] those of the batch's pictures, once per text: [texts * pictures, C, h, w]. */
export function sampleOf(latents: Float32Array, batch: TextBatch, [, ...picture]: readonly number[]): Tensor {
  const size = product(picture);
  const own = latents.subarray(batch.first * size, (batch.first + batch.pictures) * size);
  const data = new Float32Array(batch.texts * own.length);
  for (let text = 0; text < batch.texts; text++) data.set(own, text * own.length);
  return new Tensor("float32", data, [batch.texts * batch.pictures, ...picture]);
}

/** The answers to batches of the same texts as one, [texts * N, C, h, w]. */
export function joinAnswers(answers: readonly Float32Array[], batches: readonly TextBatch[]): Float32Array {
  const [first] = answers as [Float32Array];
  if (answers.length === 1) return first;
  const joined = new Float32Array(answers.length * first.length);
  for (const [i, { texts }] of batches.entries()) {
    const part = first.length / texts;
    for (let text = 0; text < texts; text++) {
      joined.set(answers[i]!.subarray(text * part, (text + 1) * part), (text * answers.length + i) * part);
    }
  }
  return joined;
}

function pick(embeds: PromptEmbeds, texts: Texts): PromptEmbeds {
  if (texts === "both") return embeds;
  return pickText(embeds, texts === "negative" ? 0 : embeds.texts - 1);
}

const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);
