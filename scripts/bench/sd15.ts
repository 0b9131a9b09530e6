/** Stable Diffusion 1.5 and one ControlNet at full size, with synthetic weights, in diffusers' layout. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NETWORKS } from "@armature/diffusion/networks/index";
import { ModelConfig } from "@armature/weights";
import { type Shapes, wantedTensors, writeSyntheticModel } from "./synthetic-weights.js";

const WIDTHS = [320, 640, 1280, 1280];

const ENCODER = {
  act_fn: "silu",
  attention_head_dim: 8,
  block_out_channels: WIDTHS,
  cross_attention_dim: 768,
  in_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
};

const UNET = { _class_name: "UNet2DConditionModel", ...ENCODER, out_channels: 4, sample_size: 64 };
const CONTROLNET = {
  _class_name: "ControlNetModel",
  ...ENCODER,
  conditioning_embedding_out_channels: [16, 32, 96, 256],
};
const VAE = {
  _class_name: "AutoencoderKL",
  block_out_channels: [128, 256, 512, 512],
  down_block_types: Array(4).fill("DownEncoderBlock2D"),
  up_block_types: Array(4).fill("UpDecoderBlock2D"),
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  scaling_factor: 0.18215,
};
const TEXT_ENCODER = {
  architectures: ["CLIPTextModel"],
  model_type: "clip_text_model",
  hidden_act: "quick_gelu",
  hidden_size: 768,
  intermediate_size: 3072,
  max_position_embeddings: 77,
  num_attention_heads: 12,
  num_hidden_layers: 12,
  vocab_size: 49408,
};

/** The four config.json files, as far as our readers want them. */
export const SD15_CONFIGS = { unet: UNET, controlnet: CONTROLNET, vae: VAE, text_encoder: TEXT_ENCODER };

export type Sd15Component = keyof typeof SD15_CONFIGS;

const DIFFUSION_FILE = "diffusion_pytorch_model.fp16.safetensors";

/** The tensors of each component, as diffusers and transformers name and shape them. */
export function sd15Shapes(): Record<Sd15Component, Shapes> {
  const shapesOf = (kind: Sd15Component) =>
    wantedTensors(NETWORKS[kind].map(({ open }) => open(new ModelConfig(kind, { ...SD15_CONFIGS[kind] }))));
  return {
    unet: withConvolutions(shapesOf("unet")),
    controlnet: withConvolutions(shapesOf("controlnet")),
    vae: shapesOf("vae"),
    text_encoder: shapesOf("text_encoder"),
  };
}

/** What our graph computes as linear layers [out, in], Stable Diffusion 1.5 holds as 1x1 convolutions. */
function withConvolutions(shapes: Shapes): Shapes {
  const entries = Object.entries(shapes).map(([key, shape]) => {
    const convolution = /\.proj_(in|out)\.weight$/.test(key);
    return [key, convolution ? [...shape, 1, 1] : shape];
  });
  return Object.fromEntries(entries) as Shapes;
}

/**
 * The folders under `work`: a model `sd15` and a ControlNet `controlnet-depth`; tokenizer and scheduler are those of `embedded`.
 * diffusers and transformers load them too.
 */
export async function writeSd15(work: string, embedded: string): Promise<{ model: string; controlnet: string }> {
  const model = join(work, "sd15");
  const controlnet = join(work, "controlnet-depth");
  mkdirSync(model, { recursive: true });
  for (const part of ["tokenizer", "scheduler"]) cpSync(join(embedded, part), join(model, part), { recursive: true });
  writeFileSync(join(model, "model_index.json"), JSON.stringify({ _class_name: "StableDiffusionPipeline" }));

  const shapes = sd15Shapes();
  await writeSyntheticModel(join(model, "unet"), DIFFUSION_FILE, UNET, shapes.unet);
  await writeSyntheticModel(controlnet, DIFFUSION_FILE, CONTROLNET, shapes.controlnet);
  await writeSyntheticModel(join(model, "vae"), DIFFUSION_FILE, VAE, shapes.vae);
  await writeSyntheticModel(join(model, "text_encoder"), "model.fp16.safetensors", TEXT_ENCODER, shapes.text_encoder);
  return { model, controlnet };
}
