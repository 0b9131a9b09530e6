import type { PictureSize } from "@armature/pixels";
import { latentSides } from "../facts/served-facts.js";
import { vaeEncoderNetwork } from "../networks/vae.js";
import { defineStage } from "./stage.js";

export interface EncodeImage {
  model: string;
  /** The place of the picture in the request. */
  picture: string;
  size: PictureSize;
}

/** A picture as the latents that denoising begins at: no chance is in it yet. */
export const encodeImage = defineStage<EncodeImage>({
  uses: ({ model, size }, facts) => [
    { component: model, network: vaeEncoderNetwork.name, sizes: { B: 1, ...latentSides(facts.model(model), size) } },
  ],
  async run({ model, picture, size }, _, tools) {
    const { pictureTensor } = await import("../pictures/picture-tensor.js");
    const { posteriorOf } = await import("../denoise/posterior.js");
    const image = pictureTensor(tools.pictures[picture]!, size, -1);
    const { moments } = await tools.session(model, vaeEncoderNetwork).run({ image });
    return { posterior: posteriorOf(moments!.data as Float32Array, tools.model(model).latents.scalingFactor) };
  },
});
