/** The networks whose layers can be tuned: their graphs are written from config.json alone. */
import { join } from "node:path";
import { attendedTokens } from "@armature/diffusion/networks/ports/attended-tokens";
import { unetNetwork } from "@armature/diffusion/networks/unet";
import { vaeDecoderNetwork } from "@armature/diffusion/networks/vae";
import type { ConfiguredNetwork, Sizes } from "@armature/graph";
import { ModelConfig } from "@armature/weights";
import { SD15_CONFIGS } from "../bench/sd15.js";

export interface TunedPart {
  name: string;
  network: ConfiguredNetwork;
  /** The symbols of the graph for a square picture. */
  sizesOf: (pixels: number) => Sizes;
}

/** Stable Diffusion 1.5 at full size without its folder, or a model's folder in diffusers' layout. */
export function tunedParts(model: string): TunedPart[] {
  const config = (part: "unet" | "vae") =>
    model === "sd15" ? new ModelConfig(part, SD15_CONFIGS[part]) : ModelConfig.read(join(model, part, "config.json"));
  const unet = unetNetwork.read(config("unet"));
  const vae = vaeDecoderNetwork.read(config("vae"));
  const latent = (pixels: number) => ({ H: pixels / vae.scale, W: pixels / vae.scale });
  return [
    {
      name: "unet",
      network: unetNetwork.configured(unet),
      sizesOf(pixels) {
        const { H, W } = latent(pixels);
        return { H, W, T: attendedTokens(unet, [H, W], 1).length, B: 2, S: 77 }; // both halves of the guidance
      },
    },
    {
      name: "vae",
      network: vaeDecoderNetwork.configured(vae),
      sizesOf: (pixels) => ({ ...latent(pixels), B: 1 }),
    },
  ];
}
