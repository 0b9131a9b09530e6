/** The networks whose layers can be tuned: their graphs are written from config.json alone. */
import { join } from "node:path";
import { attendedTokens } from "@armature/diffusion/networks/token-downsampling";
import { unetModel } from "@armature/diffusion/networks/unet";
import { readUNetConfig } from "@armature/diffusion/networks/unet-config";
import { readVaeConfig, vaeDecoderModel } from "@armature/diffusion/networks/vae";
import { ModelConfig } from "@armature/weights";
import { SD15_CONFIGS } from "../bench/sd15.js";
import type { WriteGraph } from "./layers.js";

export interface TunedPart {
  name: string;
  write: WriteGraph;
  /** The symbols of the graph for a square picture. */
  sizesOf: (pixels: number) => Record<string, number>;
}

/** Stable Diffusion 1.5 at full size without its folder, or a model's folder in diffusers' layout. */
export function tunedParts(model: string): TunedPart[] {
  const config = (part: "unet" | "vae") =>
    model === "sd15" ? new ModelConfig(part, SD15_CONFIGS[part]) : ModelConfig.read(join(model, part, "config.json"));
  const unet = readUNetConfig(config("unet"));
  const vae = readVaeConfig(config("vae"));
  const latent = (pixels: number) => ({ H: pixels / vae.scale, W: pixels / vae.scale });
  return [
    {
      name: "unet",
      write: (weights, profile) => unetModel(weights, unet, profile),
      sizesOf(pixels) {
        const { H, W } = latent(pixels);
        return { H, W, T: attendedTokens(unet, [H, W], 1).length, B: 2, S: 77 }; // both halves of the guidance
      },
    },
    {
      name: "vae",
      write: (weights, profile) => vaeDecoderModel(weights, vae, profile),
      sizesOf: (pixels) => ({ ...latent(pixels), B: 1 }),
    },
  ];
}
