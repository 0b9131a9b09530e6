/** Texts through CLIP's text encoder. */
import type { Session } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { type ClipTextConfig, promptEmbedsName } from "../networks/clip-text.js";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.js";
import type { EncodedTexts, Text } from "./prompt-embeds.js";

/** A text encoder that is loaded. */
interface TextEncoder {
  tokenizer: ClipTokenizer;
  session: Session;
  config: ClipTextConfig;
}

/** Encodes each text alone: CLIP sees no other text of the batch. */
export async function encodeClip(texts: readonly Text[], encoder: TextEncoder): Promise<EncodedTexts> {
  const { tokens: length, width } = encoder.config;
  const tokenized = texts.map(({ text }) => encoder.tokenizer.tokenize(text));
  const ids = tokenized.flatMap((one) => one.ids);
  const inputIds = new Tensor("int64", BigInt64Array.from(ids, BigInt), [texts.length, length]);
  const names = texts.map(({ clipSkip }) => promptEmbedsName(clipSkip));
  const outputs = await encoder.session.run({ input_ids: inputIds }, [...new Set(names)]);
  const size = length * width;
  const data = new Float32Array(texts.length * size);
  for (const [i, name] of names.entries()) {
    data.set((outputs[name]!.data as Float32Array).subarray(i * size, (i + 1) * size), i * size);
  }
  return { embeds: { data, texts: texts.length, length, width }, cutOff: tokenized.map(({ cutOff }) => cutOff) };
}
