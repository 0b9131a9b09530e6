/** Parity of every network with diffusers and transformers, in both layouts: fixtures/components. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CPU_PROFILE, type DeviceProfile, NCHW_PROFILE, type Network } from "@armature/graph";
import { ModelConfig, openModelFolder, readSafetensorsHeader } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import {
  fixtureJson,
  fixturePath,
  type GoldenTensor,
  goldens,
  integers,
  relativeError,
} from "../../../../testing/golden.js";
import { openFolderNetwork } from "../../../../testing/open-folder-network.js";
import { WINOGRAD_EVERYWHERE } from "../../../../testing/winograd-everywhere.js";
import { attendedFeed } from "../pipeline/attended.js";
import { clipTextNetwork, promptEmbedsName, readClipTextConfig } from "./clip-text.js";
import { conditioningEmbeddingNetwork, controlnetNetwork, readControlNetConfig } from "./controlnet.js";
import { residualNames } from "./ports/control-residuals.js";
import { controlnetPromptNetwork, unetPromptNetwork } from "./prompt-projections.js";
import { unetNetwork } from "./unet.js";
import { type EncoderConfig, readUNetConfig } from "./unet-config.js";
import { readVaeConfig, vaeDecoderNetwork, vaeEncoderNetwork } from "./vae.js";

/** fixtures/README: float32 against float64 differs by 2e-6 of the maximum at worst. */
const TOLERANCE = 2e-5;

const PROFILES = [CPU_PROFILE, WINOGRAD_EVERYWHERE, NCHW_PROFILE];

const model = (name: string) => fixturePath(`models/${name}`);
const configOf = (name: string) => openModelFolder(model(name)).config;

/** Gives the prompt as the network of the folder takes it. */
async function openProjections(network: Network, folder: string, profile: DeviceProfile) {
  const projections = await openFolderNetwork(network, folder, profile);
  return (context: GoldenTensor) => projections.run({ context: float(context) });
}

const DIFFUSION_FILE = "diffusion_pytorch_model.fp16.safetensors";

function float({ data, shape }: GoldenTensor): Tensor {
  return new Tensor("float32", data, shape);
}

/** No token downsampling. */
function attendAll(config: EncoderConfig, { shape }: GoldenTensor) {
  return attendedFeed(config, [shape[2]!, shape[3]!], 1);
}

/** A residual in the profile's layout as [B, C, H, W]. */
function asNchw(tensor: Tensor, profile: DeviceProfile, [batch, channels, height, width]: number[]): Float32Array {
  const data = tensor.data as Float32Array;
  if (profile.layout === "nchw") return data;
  const pixels = height! * width!;
  const out = new Float32Array(data.length);
  for (let b = 0; b < batch!; b++) {
    for (let p = 0; p < pixels; p++) {
      for (let c = 0; c < channels!; c++)
        out[(b * channels! + c) * pixels + p] = data[(b * pixels + p) * channels! + c]!;
    }
  }
  return out;
}

describe.each(PROFILES.map((profile) => [profile.name, profile] as const))("in the %s profile", (_, profile) => {
  test.each(["sd15-random", "sd21-random"])("the text encoder of %s equals transformers'", async (name) => {
    const encoder = await openFolderNetwork(clipTextNetwork, model(`${name}/text_encoder`), profile);
    const golden = goldens(`components/text_encoder-${name}.safetensors`);
    const ids = integers(`components/text_encoder-${name}.safetensors`, "input_ids");
    const results = await encoder.run({ input_ids: new Tensor("int64", ids.data, ids.shape) });
    for (const [clipSkip, key] of ["last_hidden_state", "clip_skip_1", "clip_skip_2"].entries()) {
      expect(relativeError(results[promptEmbedsName(clipSkip)]!.data as Float32Array, golden(key).data)).toBeLessThan(
        TOLERANCE,
      );
    }
  });

  test.each(["sd15-random", "sd21-random"])("the UNet of %s equals diffusers'", async (name) => {
    const folder = model(`${name}/unet`);
    const unetConfig = readUNetConfig(openModelFolder(folder).config);
    const unet = await openFolderNetwork(unetNetwork, folder, profile);
    const project = await openProjections(unetPromptNetwork, folder, profile);
    const golden = goldens(`components/unet-${name}.safetensors`);
    const { cases } = fixtureJson<{ cases: { key: string; timestep: number }[] }>(`components/unet-${name}.json`);
    for (const { key, timestep } of cases) {
      const { noise } = await unet.run({
        sample: float(golden(`${key}.sample`)),
        timestep: new Tensor("float32", [timestep], [1]),
        ...attendAll(unetConfig, golden(`${key}.sample`)),
        ...(await project(golden(`${key}.encoder_hidden_states`))),
      });
      expect(relativeError(noise!.data as Float32Array, golden(`${key}.out`).data), key).toBeLessThan(TOLERANCE);
    }
  });

  test.each([
    ["controlnet-sd15-random-a", "sd15-random"],
    ["controlnet-sd21-random", "sd21-random"],
  ])("%s and the UNet that takes its residuals equal diffusers'", async (name, unetName) => {
    const config = readControlNetConfig(configOf(name));
    const controlnet = await openFolderNetwork(controlnetNetwork, model(name), profile);
    const embedding = await openFolderNetwork(conditioningEmbeddingNetwork, model(name), profile);
    const project = await openProjections(controlnetPromptNetwork, model(name), profile);
    const unet = await openFolderNetwork(unetNetwork, model(`${unetName}/unet`), profile);
    const projectForUNet = await openProjections(unetPromptNetwork, model(`${unetName}/unet`), profile);
    const golden = goldens(`components/controlnet-${name}.safetensors`);
    const { cases } = fixtureJson<{
      cases: { key: string; timestep: number; conditioning_scale: number; guess_mode: boolean }[];
    }>(`components/controlnet-${name}.json`);
    for (const { key, timestep, conditioning_scale: scale, guess_mode: guess } of cases) {
      const count = residualNames(config).length;
      const scales = Array.from({ length: count }, (_, i) => scale * (guess ? 10 ** (i / (count - 1) - 1) : 1));
      const inputs = {
        sample: float(golden(`${key}.sample`)),
        timestep: new Tensor("float32", [timestep], [1]),
        ...attendAll(config, golden(`${key}.sample`)),
      };
      const context = golden(`${key}.encoder_hidden_states`);
      const { hint } = await embedding.run({ image: float(golden(`${key}.controlnet_cond`)) });
      const residuals = await controlnet.run({
        ...inputs,
        ...(await project(context)),
        hint: hint!,
        scales: new Tensor("float32", scales, [count]),
      });
      for (const [i, residual] of residualNames(config).entries()) {
        const wanted = golden(`${key}.${i < count - 1 ? `down_${i}` : "mid"}`);
        const found = asNchw(residuals[residual]!, profile, wanted.shape);
        expect(relativeError(found, wanted.data), `${key} ${residual}`).toBeLessThan(TOLERANCE);
      }
      const { noise } = await unet.run({ ...inputs, ...(await projectForUNet(context)), ...residuals });
      expect(relativeError(noise!.data as Float32Array, golden(`${key}.unet_out`).data), key).toBeLessThan(TOLERANCE);
    }
  });

  test.each(["sd15-random", "sd21-random"])("the VAE of %s equals diffusers'", async (name) => {
    const vaeConfig = readVaeConfig(configOf(`${name}/vae`));
    const decoder = await openFolderNetwork(vaeDecoderNetwork, model(`${name}/vae`), profile);
    const encoder = await openFolderNetwork(vaeEncoderNetwork, model(`${name}/vae`), profile);
    const golden = goldens(`components/vae-${name}.safetensors`);
    const { cases } = fixtureJson<{ cases: { key: string }[] }>(`components/vae-${name}.json`);
    for (const { key } of cases) {
      const { image } = await decoder.run({ latents: float(golden(`${key}.latent`)) });
      expect(relativeError(image!.data as Float32Array, golden(`${key}.decoded`).data), key).toBeLessThan(TOLERANCE);
      const { moments } = await encoder.run({ image: float(golden(`${key}.image`)) });
      const mean = channelsOf(moments!, 0, vaeConfig.latentChannels);
      expect(relativeError(mean, golden(`${key}.mean`).data), key).toBeLessThan(TOLERANCE);
      const logvar = channelsOf(moments!, vaeConfig.latentChannels, 2 * vaeConfig.latentChannels);
      expect(relativeError(logvar, golden(`${key}.logvar`).data), key).toBeLessThan(TOLERANCE);
    }
  });
});

function channelsOf({ data, dims }: Tensor, start: number, end: number): Float32Array {
  const [batch, channels, height, width] = dims as [number, number, number, number];
  const pixels = height * width;
  const picked = Array.from({ length: batch }, (_, b) =>
    (data as Float32Array).subarray((b * channels + start) * pixels, (b * channels + end) * pixels),
  );
  return Float32Array.from(picked.flatMap((part) => [...part]));
}

describe("a config that is not supported ends by name", () => {
  const changed = (folder: string, change: Record<string, unknown>) =>
    new ModelConfig("config.json", { ...fixtureJson<object>(`models/${folder}/config.json`), ...change });

  test.each<[string, () => unknown, string]>([
    ["an activation of the UNet", () => readUNetConfig(changed("sd15-random/unet", { act_fn: "gelu" })), "act_fn"],
    [
      "a class embedding",
      () => readUNetConfig(changed("sd15-random/unet", { num_class_embeds: 10 })),
      "num_class_embeds",
    ],
    [
      "SDXL's added embedding",
      () => readUNetConfig(changed("sd15-random/unet", { addition_embed_type: "text_time" })),
      "addition_embed_type",
    ],
    [
      "another block",
      () => readUNetConfig(changed("sd15-random/unet", { down_block_types: ["AttnDownBlock2D"] })),
      "down_block_types",
    ],
    [
      "a misspelt key",
      () => readUNetConfig(changed("sd15-random/unet", { block_out_channel: [1] })),
      "block_out_channel",
    ],
    [
      "BGR control images",
      () => readControlNetConfig(changed("controlnet-sd15-random-a", { controlnet_conditioning_channel_order: "bgr" })),
      "channel_order",
    ],
    ["a shifted VAE", () => readVaeConfig(changed("sd15-random/vae", { shift_factor: 0.1 })), "shift_factor"],
    [
      "an activation of the text encoder",
      () => readClipTextConfig(changed("sd15-random/text_encoder", { hidden_act: "relu" })),
      "hidden_act",
    ],
  ])("%s", (_, read, key) => {
    expect(read).toThrow(key);
  });
});

test("a UNet with 9 channels takes latents, mask and masked picture: extra channels of weight zero change nothing", async () => {
  const { folder, remove } = widenedUNet();
  const wide = readUNetConfig(openModelFolder(folder).config);
  const unet = await openFolderNetwork(unetNetwork, folder, CPU_PROFILE);
  const project = await openProjections(unetPromptNetwork, folder, CPU_PROFILE);
  const golden = goldens("components/unet-sd15-random.safetensors");
  const sample = golden("b1_8x8_t261.sample");
  const extra = Float32Array.from({ length: 5 * 64 }, (_, i) => Math.sin(i));
  const { noise } = await unet.run({
    sample: new Tensor("float32", Float32Array.from([...sample.data, ...extra]), [1, 9, 8, 8]),
    timestep: new Tensor("float32", [261], [1]),
    ...attendAll(wide, sample),
    ...(await project(golden("b1_8x8_t261.encoder_hidden_states"))),
  });
  remove();
  expect(relativeError(noise!.data as Float32Array, golden("b1_8x8_t261.out").data)).toBeLessThan(TOLERANCE);
});

/** The UNet of sd15-random with five more input channels, whose weights are zero. */
function widenedUNet(): { folder: string; remove: () => void } {
  const source = fixturePath(`models/sd15-random/unet/${DIFFUSION_FILE}`);
  const { tensors } = readSafetensorsHeader(source);
  const bytes = readFileSync(source);
  const parts: Buffer[] = [];
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { dtype, shape, offset: from, length }] of tensors) {
    let data = bytes.subarray(from, from + length);
    let size = shape;
    if (name === "conv_in.weight") {
      const kernel = 2 * 4 * 9;
      const rows = Array.from({ length: shape[0]! }, (_, i) => [
        data.subarray(i * kernel, (i + 1) * kernel),
        Buffer.alloc(2 * 5 * 9),
      ]);
      data = Buffer.concat(rows.flat());
      size = [shape[0]!, 9, 3, 3];
    }
    header[name] = { dtype, shape: size, data_offsets: [offset, offset + data.length] };
    offset += data.length;
    parts.push(data);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const folder = mkdtempSync(join(tmpdir(), "armature-unet9-"));
  writeFileSync(join(folder, DIFFUSION_FILE), Buffer.concat([length, json, ...parts]));
  writeFileSync(
    join(folder, "config.json"),
    JSON.stringify({ ...fixtureJson<object>("models/sd15-random/unet/config.json"), in_channels: 9 }),
  );
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
