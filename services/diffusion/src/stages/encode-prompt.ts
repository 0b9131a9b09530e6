import { familyOf } from "../families/index.js";
import type { Text } from "../prompts/prompt-embeds.js";
import { defineStage } from "./stage.js";

export interface EncodePrompt {
  model: string;
  /** The negative text, then the prompt; the prompt alone without guidance. */
  texts: readonly Text[];
}

/** The texts as the networks understand them: the model's family says which encoders read them, and how. */
export const encodePrompt = defineStage<EncodePrompt>({
  uses: ({ model: component, texts }, facts) =>
    familyOf(facts.model(component).family).text.encoders.map(({ name: network }) => ({
      ...{ component, network, sizes: { B: texts.length } },
    })),
  async run({ model, texts }, _, tools) {
    const { family, configs } = tools.model(model);
    const { embeds, cutOff } = await familyOf(family).text.encode(texts, configs, {
      session: (network) => tools.session(model, network),
      tokenizer: (folder) => tools.tokenizer(model, folder),
    });
    const [prompt, negativePrompt] = cutOff.toReversed();
    return { embeds, cutTexts: { ...(prompt && { prompt }), ...(negativePrompt && { negativePrompt }) } };
  },
});
