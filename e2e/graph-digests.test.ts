/**
 * Every graph that the services write, as the SHA-256 of its bytes: in each device's form, for any size and for one. A change that is
 * meant to leave graphs alone leaves `fixtures/graphs` alone; one that means to change them records it anew (`vitest -u`) and says why.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DEVICE_FORMS } from "@armature/devices";
import {
  CPU_INT8_PROFILE,
  CPU_PREPARED_PROFILE,
  CPU_PROFILE,
  type DeviceProfile,
  NCHW_FLOAT16_PROFILE,
  NCHW_PROFILE,
  type WeightSource,
} from "@armature/graph";
import { ModelConfig, openModelFolder } from "@armature/weights";
import { describe, expect, test } from "vitest";
import { DPT_CONFIGS } from "../scripts/bench/dpt-models.js";
import { SD15_CONFIGS, sd15Shapes } from "../scripts/bench/sd15.js";
import { nowhere, type Shapes, wantedTensors } from "../scripts/bench/synthetic-weights.js";
import { clipTextModel, readClipTextConfig } from "../services/diffusion/src/networks/clip-text.js";
import {
  conditioningEmbeddingModel,
  controlnetModel,
  readControlNetConfig,
} from "../services/diffusion/src/networks/controlnet.js";
import { promptProjectionsModel } from "../services/diffusion/src/networks/prompt-projections.js";
import { shallowUnetModel } from "../services/diffusion/src/networks/shallow-unet.js";
import { unetModel } from "../services/diffusion/src/networks/unet.js";
import { readUNetConfig } from "../services/diffusion/src/networks/unet-config.js";
import { readVaeConfig, vaeDecoderModel, vaeEncoderModel } from "../services/diffusion/src/networks/vae.js";
import { dptModel } from "../services/preprocessor/src/networks/dpt.js";
import { readDptConfig } from "../services/preprocessor/src/networks/dpt-config.js";
import { fixturePath } from "../testing/golden.js";

const { webgpu, cuda } = DEVICE_FORMS;

/** Each form in which a device computes. */
const PROFILES: Record<string, DeviceProfile> = {
  cpu: CPU_PROFILE,
  "cpu prepared": CPU_PREPARED_PROFILE,
  "cpu int8": CPU_INT8_PROFILE,
  "cpu int8 prepared": { ...CPU_INT8_PROFILE, winograd: CPU_PREPARED_PROFILE.winograd },
  nchw: NCHW_PROFILE,
  "nchw float16": NCHW_FLOAT16_PROFILE,
  webgpu: webgpu.plain,
  "webgpu fused": { ...webgpu.plain, selfAttention: "fused", crossAttention: "fused" },
  "webgpu float16": { ...webgpu.plain, compute: "float16" },
  "cuda float16": { ...cuda.plain, compute: "float16" },
};

/** A picture of 512x512 pixels with guidance, of whose tokens every second row and column attends. */
const STEP = { B: 2, H: 64, W: 64, S: 77, T: 1024 };
const TILE = { B: 1, H: 32, W: 32 };
const DEPTH = { B: 1, H: 24, W: 24 };

type Write = (weights: WeightSource, profile: DeviceProfile) => Uint8Array;

interface Component {
  weights: WeightSource;
  networks: Record<string, Write>;
}

const NETWORKS: Record<string, (config: ModelConfig) => Record<string, Write>> = {
  text_encoder(config) {
    const clip = readClipTextConfig(config);
    return { "clip-text": (weights, profile) => clipTextModel(weights, clip, profile) };
  },
  unet(config) {
    const unet = readUNetConfig(config);
    return {
      unet: (weights, profile) => unetModel(weights, unet, profile),
      "prompt-projections": (weights, profile) => promptProjectionsModel(weights, unet, profile),
      "shallow-unet": (weights, profile) => shallowUnetModel(weights, unet, profile),
    };
  },
  vae(config) {
    const vae = readVaeConfig(config);
    return {
      "vae-decoder": (weights, profile) => vaeDecoderModel(weights, vae, profile),
      "vae-encoder": (weights, profile) => vaeEncoderModel(weights, vae, profile),
    };
  },
  controlnet(config) {
    const net = readControlNetConfig(config);
    return {
      controlnet: (weights, profile) => controlnetModel(weights, net, profile),
      "prompt-projections": (weights, profile) => promptProjectionsModel(weights, net, profile),
      "conditioning-embedding": (weights, profile) => conditioningEmbeddingModel(weights, net, profile),
    };
  },
  depth(config) {
    const dpt = readDptConfig(config);
    return { dpt: (weights, profile) => dptModel(weights, dpt, profile) };
  },
};

function onDisk(folder: string, kind: string): Component {
  const { config, weights } = openModelFolder(folder);
  return { weights, networks: NETWORKS[kind]!(config) };
}

function synthetic(kind: string, config: object, shapes: Shapes): Component {
  return { weights: laidOut(shapes), networks: NETWORKS[kind]!(new ModelConfig(kind, { ...config })) };
}

/** A header of the shapes, one after another, as a float16 file would have them. */
function laidOut(shapes: Shapes): WeightSource {
  let offset = 0;
  const tensors: WeightSource["tensors"] = new Map();
  for (const key of Object.keys(shapes).sort()) {
    const location = { ...nowhere(shapes[key]!), offset };
    tensors.set(key, location);
    offset += location.length;
  }
  return { file: "model.safetensors", tensors };
}

function fullSizeDepth(name: keyof typeof DPT_CONFIGS): Component {
  const dpt = readDptConfig(new ModelConfig(name, { ...DPT_CONFIGS[name] }));
  const shapes = wantedTensors((weights) => dptModel(weights, dpt, CPU_PROFILE));
  return synthetic("depth", DPT_CONFIGS[name], shapes);
}

const EMBEDDED = fixturePath("../models");
const RANDOM = fixturePath("models");

const COMPONENTS: Record<string, () => Component> = {
  "tiny-sd text encoder": () => onDisk(join(EMBEDDED, "tiny-sd/text_encoder"), "text_encoder"),
  "tiny-sd unet": () => onDisk(join(EMBEDDED, "tiny-sd/unet"), "unet"),
  "tiny-sd vae": () => onDisk(join(EMBEDDED, "tiny-sd/vae"), "vae"),
  "embedded controlnet": () => onDisk(join(EMBEDDED, "controlnet-depth"), "controlnet"),
  "embedded depth": () => onDisk(join(EMBEDDED, "depth-dpt-tiny"), "depth"),
  "sd21-random text encoder": () => onDisk(join(RANDOM, "sd21-random/text_encoder"), "text_encoder"),
  "sd21-random unet": () => onDisk(join(RANDOM, "sd21-random/unet"), "unet"),
  "sd15 text encoder": () => synthetic("text_encoder", SD15_CONFIGS.textEncoder, sd15Shapes().textEncoder),
  "sd15 unet": () => synthetic("unet", SD15_CONFIGS.unet, sd15Shapes().unet),
  "sd15 vae": () => synthetic("vae", SD15_CONFIGS.vae, sd15Shapes().vae),
  "sd15 controlnet": () => synthetic("controlnet", SD15_CONFIGS.controlnet, sd15Shapes().controlnet),
  "dpt-large": () => fullSizeDepth("large"),
  "dpt-hybrid": () => fullSizeDepth("hybrid"),
};

/** By form and size. */
function digests(write: Write, weights: WeightSource, sizes: Record<string, number>): Record<string, string> {
  const written = Object.entries(PROFILES).flatMap(([name, profile]) => [
    [`${name}, any size`, digest(write(weights, profile))],
    [`${name}, sized`, digest(write(weights, { ...profile, sizes }))],
  ]);
  return Object.fromEntries(written) as Record<string, string>;
}

function digest(graph: Uint8Array): string {
  return createHash("sha256").update(graph).digest("hex");
}

describe("graphs are those that were recorded", () => {
  test.each(Object.keys(COMPONENTS))("of %s", async (name) => {
    const { weights, networks } = COMPONENTS[name]!();
    const sizes = "dpt" in networks ? DEPTH : "vae-decoder" in networks ? TILE : STEP;
    const found = Object.entries(networks).map(([network, write]) => [network, digests(write, weights, sizes)]);
    const recorded = fixturePath(`graphs/${name.replaceAll(" ", "-")}.json`);
    await expect(`${JSON.stringify(Object.fromEntries(found), null, 2)}\n`).toMatchFileSnapshot(recorded);
  });
});
