import type { PictureSize } from "@armature/pixels";
import { decoderTiles } from "../facts/decoder-tiles.js";
import { formOf } from "../facts/device-settings.js";
import { latentSides, type ServedFacts } from "../facts/served-facts.js";
import { vaeDecoderNetwork } from "../networks/vae.js";
import { defineStage, productOf } from "./stage.js";

export interface Decode {
  model: string;
  size: PictureSize;
  /** How many pictures. */
  images: number;
}

/** Latents as pictures: one at a time, in tiles where it is larger than the device takes whole. */
export const decode = defineStage<Decode>({
  uses({ model: component, size }, facts) {
    const { H, W } = latentSides(facts.model(component), size);
    const side = tilesOf(component, facts)?.side ?? Number.POSITIVE_INFINITY;
    const sizes = { B: 1, H: Math.min(side, H), W: Math.min(side, W) };
    return [{ component, network: vaeDecoderNetwork.name, sizes }];
  },
  async run({ model, size, images }, products, tools) {
    const { decodeLatents } = await import("../pictures/decode-latents.js");
    const { configs, latents } = tools.model(model);
    const { H, W } = latentSides({ latents }, size);
    const decoder = {
      session: tools.session(model, vaeDecoderNetwork),
      config: configs.vae,
      tiles: tilesOf(model, tools),
    };
    return { images: await decodeLatents(productOf(products, "latents"), [images, latents.channels, H, W], decoder) };
  },
});

const tilesOf = (model: string, { model: find, forms }: ServedFacts) =>
  decoderTiles(find(model).configs.vae, formOf(vaeDecoderNetwork, forms, undefined));
