/** Prompts as a text encoder gives them, and as calls of the networks take them. */
import { Tensor } from "onnxruntime-node";

/** Embeddings of texts, [texts, 77, D]. */
export interface PromptEmbeds {
  data: Float32Array;
  texts: number;
  length: number; // 77
  width: number; // D
}

export interface Text {
  text: string;
  /** Layers of the encoder left out at its end. */
  clipSkip: number;
}

/** Texts as a model's text encoders give them. */
export interface EncodedTexts {
  embeds: PromptEmbeds;
  /** The end of each text that the encoders could not take; undefined: they took it whole. */
  cutOff: readonly (string | undefined)[];
}

/** The ends of texts that the text encoder could not take; none of one that it took whole, or did not read. */
export interface CutTexts {
  prompt?: string;
  negativePrompt?: string;
}

/** The context of a batch: each text's embeddings `count` times in a row, [texts * count, 77, D]. */
export function repeatEach(embeds: PromptEmbeds, count: number): Tensor {
  const { data, texts, length, width } = embeds;
  const size = length * width;
  const repeated = new Float32Array(data.length * count);
  for (let text = 0; text < texts; text++) {
    const one = data.subarray(text * size, (text + 1) * size);
    for (let i = 0; i < count; i++) repeated.set(one, (text * count + i) * size);
  }
  return new Tensor("float32", repeated, [texts * count, length, width]);
}

/** The embeddings of one text of several. */
export function pickText({ data, length, width }: PromptEmbeds, text: number): PromptEmbeds {
  const size = length * width;
  return { data: data.subarray(text * size, (text + 1) * size), texts: 1, length, width };
}
