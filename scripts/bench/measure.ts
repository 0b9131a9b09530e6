/** One measurement, in a process of its own so that the peak of memory is its own: `measure.js '<JSON of a Measurement>'`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DeviceSettings, type Network, openNetwork } from "@armature/diffusion/engine/open-network";
import { clipTextModel, readClipTextConfig } from "@armature/diffusion/networks/clip-text";
import {
  conditioningEmbeddingModel,
  controlnetModel,
  readControlNetConfig,
} from "@armature/diffusion/networks/controlnet";
import { residualChannels, residualNames } from "@armature/diffusion/networks/encoder";
import { unetModel } from "@armature/diffusion/networks/unet";
import { type EncoderConfig, readUNetConfig } from "@armature/diffusion/networks/unet-config";
import { readVaeConfig, vaeDecoderModel } from "@armature/diffusion/networks/vae";
import { CPU_INT8_PROFILE, CPU_PROFILE, type DeviceProfile, NCHW_PROFILE } from "@armature/shared/graph/profile";
import type { Session, Tensors } from "@armature/shared/runtime/devices/device-session";
import { openModelFolder } from "@armature/shared/weights/model-folder";
import { Tensor } from "onnxruntime-node";

/**
 * Which graph: the official file in place, the prepared form, the same with UNet and ControlNet in 8 bits, or one such as a converter
 * writes (NCHW, unfused attention).
 */
export type Form = "in place" | "prepared" | "int8" | "plain";

export interface Measurement {
  part: "step" | "step+controlnet" | "text encoder" | "vae decode";
  form: Form;
  model: string;
  controlnet: string;
  /** Where prepared forms are kept. */
  cache: string;
  /** Of the latents: an eighth of the picture's. */
  height: number;
  width: number;
  /** 2: with guidance. */
  batch: number;
  threads: number;
  /** Timed runs after one to warm up. */
  repeats: number;
}

export interface Measured {
  loadS: number;
  firstS: number;
  timesS: number[];
  /** The most physical memory ever, mapped pages of files included; and what is private at the end. */
  peakBytes: number;
  privateBytes: number;
}

const PARTS: Record<Measurement["part"], (m: Measurement) => Promise<() => Promise<unknown>>> = {
  step: async (m) => {
    const { run } = await loadUNet(m);
    return () => run({});
  },
  "step+controlnet": async (m) => {
    const { run, inputs } = await loadUNet(m);
    const residuals = await loadControlNet(m);
    return async () => run(await residuals(inputs));
  },
  "text encoder": async (m) => {
    const { config, weights } = openModelFolder(join(m.model, "text_encoder"));
    const clip = readClipTextConfig(config);
    const session = await load(m, { weights, write: (profile) => clipTextModel(weights, clip, profile) });
    const ids = new Tensor("int64", new BigInt64Array(m.batch * clip.tokens).fill(1n), [m.batch, clip.tokens]);
    return () => session.run({ input_ids: ids });
  },
  "vae decode": async (m) => {
    const { config, weights } = openModelFolder(join(m.model, "vae"));
    const vae = readVaeConfig(config);
    const session = await load(m, { weights, write: (profile) => vaeDecoderModel(weights, vae, profile) });
    const latents = waves([1, vae.latentChannels, m.height, m.width]);
    return () => session.run({ latents });
  },
};

async function loadUNet(m: Measurement) {
  const { config, weights } = openModelFolder(join(m.model, "unet"));
  const unet = readUNetConfig(config);
  const session = await load(m, { weights, write: (profile) => unetModel(weights, unet, profile) });
  const inputs = stepInputs(m, unet);
  const none = zeros(unet, profileOf(m), "");
  return { inputs, run: (residuals: Tensors) => session.run({ ...inputs, ...none, ...residuals }) };
}

async function loadControlNet(m: Measurement) {
  const { config, weights } = openModelFolder(m.controlnet);
  const net = readControlNetConfig(config);
  const session = await load(m, { weights, write: (profile) => controlnetModel(weights, net, profile) });
  const write = (profile: DeviceProfile) => conditioningEmbeddingModel(weights, net, profile);
  const embedding = await load(m, { weights, write });
  const { hint } = await embedding.run({ image: waves([1, net.conditioningChannels, 8 * m.height, 8 * m.width]) });
  const scales = new Tensor("float32", new Float32Array(residualNames(net).length).fill(1));
  const previous = zeros(net, profileOf(m), "previous_");
  return (inputs: Tensors) => session.run({ ...inputs, ...previous, hint: hint!, scales });
}

function load(m: Measurement, { weights, write }: Pick<Network, "weights" | "write">): Promise<Session> {
  const profile = profileOf(m);
  const prepared = m.form === "prepared" || m.form === "int8" ? { folder: m.cache, limitBytes: 1e12 } : undefined;
  const device: DeviceSettings = { profile, threads: m.threads, prepared };
  return openNetwork({ weights, profile, write, sizesOf: () => ({}) }, device);
}

function profileOf({ form, part }: Measurement): DeviceProfile {
  if (form === "int8" && part.startsWith("step")) return CPU_INT8_PROFILE;
  return form === "plain" ? NCHW_PROFILE : CPU_PROFILE;
}

function stepInputs(
  { batch, height, width }: Measurement,
  unet: { inChannels: number; contextWidth: number },
): Tensors {
  return {
    sample: waves([batch, unet.inChannels, height, width]),
    timestep: new Tensor("float32", [501], [1]),
    context: waves([batch, 77, unet.contextWidth]),
  };
}

/** One zero a channel for each residual. */
function zeros(config: EncoderConfig, { layout }: DeviceProfile, prefix: string): Tensors {
  const names = residualNames(config);
  const entries = residualChannels(config).map((channels, i) => {
    const shape = layout === "rows" ? [1, channels] : [1, channels, 1, 1];
    return [`${prefix}${names[i]}`, new Tensor("float32", new Float32Array(channels), shape)];
  });
  return Object.fromEntries(entries) as Tensors;
}

/** Values of about unit deviation. */
function waves(shape: number[]): Tensor {
  const size = shape.reduce((product, side) => product * side, 1);
  return new Tensor(
    "float32",
    Float32Array.from({ length: size }, (_, i) => 1.4 * Math.sin(12.9898 * i)),
    shape,
  );
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

/** A line of /proc/self/status in bytes; NaN where there is no such file. */
function memory(name: string): number {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"));
    return Number(line?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

async function measure(m: Measurement): Promise<Measured> {
  let run: () => Promise<unknown> = async () => {};
  const loadS = await seconds(async () => {
    run = await PARTS[m.part](m);
  });
  const firstS = await seconds(run);
  const timesS: number[] = [];
  for (let i = 0; i < m.repeats; i++) timesS.push(await seconds(run));
  return { loadS, firstS, timesS, peakBytes: memory("VmHWM"), privateBytes: memory("RssAnon") };
}

console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]!) as Measurement)));
