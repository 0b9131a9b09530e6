import { clipTextNetwork } from "../networks/clip-text.js";
import { unetPromptNetwork } from "../networks/prompt-projections.js";
import { shallowUnetNetwork } from "../networks/shallow-unet.js";
import { unetNetwork } from "../networks/unet.js";
import { vaeDecoderNetwork, vaeEncoderNetwork } from "../networks/vae.js";
import type { ModelFamily } from "./family.js";

/** Stable Diffusion 1 (arXiv:2112.10752), whose text encoder is OpenAI's CLIP. */
export const sd1: ModelFamily = {
  id: "sd1",
  recognises: ({ text }) => text.activation === "quick_gelu",
  components: {
    text_encoder: { kind: "text_encoder", always: [clipTextNetwork.name], sometimes: [] },
    unet: {
      kind: "unet",
      always: [unetNetwork.name, unetPromptNetwork.name],
      sometimes: [shallowUnetNetwork.name],
    },
    vae: { kind: "vae", always: [vaeDecoderNetwork.name], sometimes: [vaeEncoderNetwork.name] },
  },
  textConditioning: { tokenizer: "tokenizer", contextWidth: ({ text }) => text.width },
  latentSpace: ({ vae: { latentChannels, scale, scalingFactor } }) => ({
    channels: latentChannels,
    scale,
    scalingFactor,
  }),
  adapters: ["controlnet"],
};
