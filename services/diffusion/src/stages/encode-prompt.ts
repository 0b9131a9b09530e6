import { clipTextNetwork } from "../networks/clip-text.js";
import type { Text } from "../prompts/prompt-embeds.js";
import { defineStage } from "./stage.js";

export interface EncodePrompt {
  model: string;
  /** The negative text, then the prompt; the prompt alone without guidance. */
  texts: readonly Text[];
}

/** The texts as the networks understand them. */
export const encodePrompt = defineStage<EncodePrompt>({
  uses: ({ model, texts }) => [{ component: model, network: clipTextNetwork.name, sizes: { B: texts.length } }],
  async run({ model, texts }, _, tools) {
    const { encodeClip } = await import("../prompts/encode-clip.js");
    const tokenizer = tools.tokenizer(model);
    const session = tools.session(model, clipTextNetwork);
    const embeds = await encodeClip(texts, { tokenizer, session, config: tools.model(model).text });
    const [prompt, negativePrompt] = texts.toReversed().map(({ text }) => tokenizer.tokenize(text).cutOff);
    return { embeds, cutTexts: { ...(prompt && { prompt }), ...(negativePrompt && { negativePrompt }) } };
  },
});
