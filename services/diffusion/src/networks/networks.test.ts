/** Parity of every network with diffusers and transformers, in both layouts: fixtures/components. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CPU_PROFILE, type DeviceProfile, NCHW_PROFILE } from "@armature/graph";
import { createSession } from "@armature/runtime";
import { ModelConfig, openModelFolder, readSafetensorsHeader, type SafetensorsHeader } from "@armature/weights";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import {
  fixtureJson,
  fixturePath,
  type GoldenTensor,
  goldens,
  integers,
  relativeError,
} from "../../../../testing/golden.js";
import { WINOGRAD_EVERYWHERE } from "../../../../testing/winograd-everywhere.js";
import { attendedFeed } from "../pipeline/attended.js";
import { clipTextModel, promptEmbedsName, readClipTextConfig } from "./clip-text.js";
import { conditioningEmbeddingModel, controlnetModel, readControlNetConfig } from "./controlnet.js";
import { residualChannels, residualNames } from "./encoder.js";
import { promptProjectionsModel } from "./prompt-projections.js";
import { unetModel } from "./unet.js";
import { type EncoderConfig, readUNetConfig } from "./unet-config.js";
import { readVaeConfig, vaeDecoderModel, vaeEncoderModel } from "./vae.js";

/** fixtures/README: float32 against float64 differs by 2e-6 of the maximum at worst. */
const TOLERANCE = 2e-5;

const PROFILES = [CPU_PROFILE, WINOGRAD_EVERYWHERE, NCHW_PROFILE];

function open(folder: string, file: string) {
  const config = ModelConfig.read(fixturePath(`models/${folder}/config.json`));
  return { config, weights: readSafetensorsHeader(fixturePath(`models/${folder}/${file}`)) };
}

function session(model: Uint8Array, weights: SafetensorsHeader): Promise<InferenceSession> {
  return createSession(model, { weightsFolder: dirname(weights.file), threads: 1 });
}

/** Gives the prompt as the network of the weights takes it. */
async function openProjections(weights: SafetensorsHeader, config: EncoderConfig, profile: DeviceProfile) {
  const projections = await session(promptProjectionsModel(weights, config, profile), weights);
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

/** One zero a channel for each residual. */
function noResiduals(config: EncoderConfig, profile: DeviceProfile, prefix = ""): Record<string, Tensor> {
  const names = residualNames(config);
  return Object.fromEntries(
    residualChannels(config).map((channels, i) => {
      const shape = profile.layout === "rows" ? [1, channels] : [1, channels, 1, 1];
      return [`${prefix}${names[i]}`, new Tensor("float32", new Float32Array(channels), shape)];
    }),
  );
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
    const { config, weights } = open(`${name}/text_encoder`, "model.fp16.safetensors");
    const encoder = await session(clipTextModel(weights, readClipTextConfig(config), profile), weights);
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
    const { config, weights } = open(`${name}/unet`, DIFFUSION_FILE);
    const unetConfig = readUNetConfig(config);
    const unet = await session(unetModel(weights, unetConfig, profile), weights);
    const project = await openProjections(weights, unetConfig, profile);
    const golden = goldens(`components/unet-${name}.safetensors`);
    const { cases } = fixtureJson<{ cases: { key: string; timestep: number }[] }>(`components/unet-${name}.json`);
    for (const { key, timestep } of cases) {
      const { noise } = await unet.run({
        sample: float(golden(`${key}.sample`)),
        timestep: new Tensor("float32", [timestep], [1]),
        ...attendAll(unetConfig, golden(`${key}.sample`)),
        ...(await project(golden(`${key}.encoder_hidden_states`))),
        ...noResiduals(unetConfig, profile),
      });
      expect(relativeError(noise!.data as Float32Array, golden(`${key}.out`).data), key).toBeLessThan(TOLERANCE);
    }
  });

  test.each([
    ["controlnet-sd15-random-a", "sd15-random"],
    ["controlnet-sd21-random", "sd21-random"],
  ])("%s and the UNet that takes its residuals equal diffusers'", async (name, unetName) => {
    const net = open(name, DIFFUSION_FILE);
    const config = readControlNetConfig(net.config);
    const controlnet = await session(controlnetModel(net.weights, config, profile), net.weights);
    const embedding = await session(conditioningEmbeddingModel(net.weights, config, profile), net.weights);
    const project = await openProjections(net.weights, config, profile);
    const main = open(`${unetName}/unet`, DIFFUSION_FILE);
    const unetConfig = readUNetConfig(main.config);
    const unet = await session(unetModel(main.weights, unetConfig, profile), main.weights);
    const projectForUNet = await openProjections(main.weights, unetConfig, profile);
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
        ...noResiduals(config, profile, "previous_"),
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
    const { config, weights } = open(`${name}/vae`, DIFFUSION_FILE);
    const vaeConfig = readVaeConfig(config);
    const decoder = await session(vaeDecoderModel(weights, vaeConfig, profile), weights);
    const encoder = await session(vaeEncoderModel(weights, vaeConfig, profile), weights);
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
  const { config, weights } = openModelFolder(folder);
  const wide = readUNetConfig(config);
  const unet = await session(unetModel(weights, wide, CPU_PROFILE), weights);
  const project = await openProjections(weights, wide, CPU_PROFILE);
  const golden = goldens("components/unet-sd15-random.safetensors");
  const sample = golden("b1_8x8_t261.sample");
  const extra = Float32Array.from({ length: 5 * 64 }, (_, i) => Math.sin(i));
  const { noise } = await unet.run({
    sample: new Tensor("float32", Float32Array.from([...sample.data, ...extra]), [1, 9, 8, 8]),
    timestep: new Tensor("float32", [261], [1]),
    ...attendAll(wide, sample),
    ...(await project(golden("b1_8x8_t261.encoder_hidden_states"))),
    ...noResiduals(wide, CPU_PROFILE),
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
