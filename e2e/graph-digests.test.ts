/**
 * Every graph that the services write, as the SHA-256 of its bytes: in each device's form, for any size and for one. A change that is
 * meant to leave graphs alone leaves `fixtures/graphs` alone; one that means to change them records it anew (`vitest -u`) and says why.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DEVICE_FORMS } from "@armature/devices";
import {
  type ConfiguredNetwork,
  CPU_INT8_PROFILE,
  CPU_PREPARED_PROFILE,
  CPU_PROFILE,
  type DeviceProfile,
  NCHW_FLOAT16_PROFILE,
  NCHW_PROFILE,
  type Network,
} from "@armature/graph";
import { ModelConfig, openModelFolder, type WeightView } from "@armature/weights";
import { describe, expect, test } from "vitest";
import { DPT_CONFIGS } from "../scripts/bench/dpt-models.js";
import { SD15_CONFIGS } from "../scripts/bench/sd15.js";
import { shapesOnly, wantedTensors } from "../scripts/bench/synthetic-weights.js";
import { NETWORKS as DIFFUSION } from "../services/diffusion/src/networks/index.js";
import { NETWORKS as PREPROCESSOR } from "../services/preprocessor/src/networks/index.js";
import { fixturePath } from "../testing/golden.js";

const { webgpu, cuda } = DEVICE_FORMS;

/** The forms in which devices compute, by name. */
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
const SIZES: Record<string, Record<string, number>> = {
  "VAE decoder": TILE,
  "VAE encoder": TILE,
  DPT: DEPTH,
  DepthAnything: DEPTH,
};

interface Component {
  weights: WeightView;
  networks: ConfiguredNetwork[];
}

/** The networks over the weights of each kind of component. */
const NETWORKS: Record<string, readonly Network[]> = { ...DIFFUSION, ...PREPROCESSOR };

function onDisk(folder: string, kind: string): Component {
  const config = () => openModelFolder(folder).config;
  return { weights: openModelFolder(folder).weights, networks: NETWORKS[kind]!.map(({ open }) => open(config())) };
}

function synthetic(kind: string, config: object): Component {
  const networks = NETWORKS[kind]!.map(({ open }) => open(new ModelConfig(kind, { ...config })));
  return { weights: shapesOnly(wantedTensors(networks)), networks };
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
  "sd15 text encoder": () => synthetic("text_encoder", SD15_CONFIGS.text_encoder),
  "sd15 unet": () => synthetic("unet", SD15_CONFIGS.unet),
  "sd15 vae": () => synthetic("vae", SD15_CONFIGS.vae),
  "sd15 controlnet": () => synthetic("controlnet", SD15_CONFIGS.controlnet),
  "random depth-anything": () => onDisk(join(RANDOM, "depth-anything-random"), "depth_anything"),
  "dpt-large": () => synthetic("depth", DPT_CONFIGS.large),
  "dpt-hybrid": () => synthetic("depth", DPT_CONFIGS.hybrid),
};

/** The digest of each graph that the network emits, by its form and size. */
function digests(network: ConfiguredNetwork, weights: WeightView): Record<string, string> {
  const sizes = network.ownSizes(SIZES[network.name] ?? STEP);
  const written = Object.entries(PROFILES).flatMap(([name, profile]) => [
    [`${name}, any size`, digest(network.write(weights, profile))],
    [`${name}, sized`, digest(network.write(weights, { ...profile, sizes }))],
  ]);
  return Object.fromEntries(written) as Record<string, string>;
}

function digest(graph: Uint8Array): string {
  return createHash("sha256").update(graph).digest("hex");
}

describe("graphs are those that were recorded", () => {
  test.each(Object.keys(COMPONENTS))("of %s", async (name) => {
    const { weights, networks } = COMPONENTS[name]!();
    const found = networks.map((network) => [network.name, digests(network, weights)]);
    const recorded = fixturePath(`graphs/${name.replaceAll(" ", "-")}.json`);
    await expect(`${JSON.stringify(Object.fromEntries(found), null, 2)}\n`).toMatchFileSnapshot(recorded);
  });
});
