import { type ClipTextConfig, clipTextNetwork, readClipTextConfig } from "../networks/clip-text.js";
import { unetPromptNetwork } from "../networks/prompt-projections.js";
import { shallowUnetNetwork } from "../networks/shallow-unet.js";
import { unetNetwork } from "../networks/unet.js";
import { readUNetConfig } from "../networks/unet-config.js";
import { readVaeConfig, vaeDecoderNetwork, vaeEncoderNetwork } from "../networks/vae.js";
import type { ModelConfigs, ModelFamily } from "./family.js";

interface Sd1Configs extends ModelConfigs {
  text_encoder: ClipTextConfig;
}

const TOKENIZER = "tokenizer";

/** Stable Diffusion 1 (arXiv:2112.10752), whose text encoder is OpenAI's CLIP. */
export const sd1: ModelFamily<Sd1Configs> = {
  id: "sd1",
  recognises: (configOf) => readClipTextConfig(configOf("text_encoder")).activation === "quick_gelu",
  components: {
    text_encoder: { kind: "text_encoder", read: readClipTextConfig, always: [clipTextNetwork.name], sometimes: [] },
    unet: {
      kind: "unet",
      read: readUNetConfig,
      always: [unetNetwork.name, unetPromptNetwork.name],
      sometimes: [shallowUnetNetwork.name],
    },
    vae: {
      kind: "vae",
      read: readVaeConfig,
      always: [vaeDecoderNetwork.name],
      sometimes: [vaeEncoderNetwork.name],
    },
  },
  text: {
    encoders: [clipTextNetwork],
    tokenizers: ({ text_encoder: { tokens, vocabulary } }) => [{ folder: TOKENIZER, tokens, vocabulary }],
    context: ({ text_encoder: { tokens, width, layers } }) => ({ tokens, width, layers }),
    async encode(texts, { text_encoder: config }, { session, tokenizer }) {
      const { encodeClip } = await import("../prompts/encode-clip.js");
      return encodeClip(texts, { tokenizer: tokenizer(TOKENIZER), session: session(clipTextNetwork), config });
    },
  },
  latentSpace: ({ vae: { latentChannels, scale, scalingFactor } }) => ({
    channels: latentChannels,
    scale,
    scalingFactor,
  }),
  adapters: ["controlnet"],
};
