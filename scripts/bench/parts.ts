/** The parts of the stack that the benchmark measures: each loads its networks, and gives the work to time. */
import { join } from "node:path";
import { clipTextModel, readClipTextConfig } from "@armature/diffusion/networks/clip-text";
import {
  conditioningEmbeddingModel,
  controlnetModel,
  readControlNetConfig,
} from "@armature/diffusion/networks/controlnet";
import { residualNames } from "@armature/diffusion/networks/encoder";
import { promptProjectionsModel } from "@armature/diffusion/networks/prompt-projections";
import { unetModel } from "@armature/diffusion/networks/unet";
import { type EncoderConfig, readUNetConfig } from "@armature/diffusion/networks/unet-config";
import { readVaeConfig, vaeDecoderModel } from "@armature/diffusion/networks/vae";
import { attendedFeed } from "@armature/diffusion/pipeline/attended";
import { noResiduals } from "@armature/diffusion/pipeline/control";
import { CPU_INT8_PROFILE, CPU_PROFILE, type DeviceProfile, NCHW_PROFILE } from "@armature/graph";
import { dptModel } from "@armature/preprocessor/networks/dpt";
import { readDptConfig } from "@armature/preprocessor/networks/dpt-config";
import { type ComputeSettings, type Network, openNetwork, type Session, type Tensors } from "@armature/runtime";
import { openModelFolder, type SafetensorsHeader } from "@armature/weights";
import { Tensor } from "onnxruntime-node";

/**
 * Which graph: the official file in place, the prepared form, the same with UNet and ControlNet in 8 bits, or one such as a converter
 * writes (NCHW, unfused attention).
 */
export type Form = "in place" | "prepared" | "int8" | "plain";

/** `step` is one call of ControlNets and UNet, which know the prompt; `picture` is the prompt, all steps and the decoder. */
export const PARTS = [
  "step",
  "step+controlnet",
  "picture",
  "vae decode",
  "text encoder",
  "depth",
  "depth hybrid",
] as const;
export type Part = (typeof PARTS)[number];

/** Folders in diffusers' and transformers' layout. */
export interface ModelFolders {
  model: string;
  controlnet: string;
  depth: string;
  /** A depth network with a convolutional backbone, where there is one. */
  hybrid?: string;
}

export interface Measurement {
  part: Part;
  form: Form;
  folders: ModelFolders;
  /** Where prepared forms are kept. */
  cache: string;
  /** Of the latents: an eighth of the picture's. */
  height: number;
  width: number;
  /** 2: one picture with guidance. */
  batch: number;
  /** How many ControlNets, one after another, act on a step; all are the same one. */
  controlnets: number;
  /** 1: all tokens attend to all. */
  tokenDownsampling: number;
  /** Of a picture. */
  steps: number;
  threads: number;
  /** Timed runs after one to warm up. */
  repeats: number;
}

type Run = () => Promise<unknown>;

/** Loads what a part needs. */
export function openPart(m: Measurement): Promise<Run> {
  return OPEN[m.part](m);
}

const OPEN: Record<Part, (m: Measurement) => Promise<Run>> = {
  step: openStep,
  "step+controlnet": openStep,
  picture: openPicture,
  "text encoder": openTextEncoder,
  "vae decode": openDecoder,
  depth: (m) => openDepth(m, m.folders.depth),
  "depth hybrid": (m) => openDepth(m, m.folders.hybrid!),
};

async function openPicture(m: Measurement): Promise<Run> {
  const encode = await openTextEncoder(m);
  const start = await openSteps(m);
  const decode = await openDecoder(m);
  return async () => {
    await encode();
    const step = await start();
    for (let i = 0; i < m.steps; i++) await step();
    await decode();
  };
}

async function openStep(m: Measurement): Promise<Run> {
  const start = await openSteps(m);
  return start();
}

/** What comes before a picture's first step: it brings the prompt into the networks' form, and gives the step. */
async function openSteps(m: Measurement): Promise<() => Promise<Run>> {
  const { config, weights } = openModelFolder(join(m.folders.model, "unet"));
  const unet = readUNetConfig(config);
  const session = await load(m, { weights, write: (source, profile) => unetModel(source, unet, profile) });
  const projections = await openProjections(m, weights, unet);
  const startControl = m.controlnets > 0 ? await openControlNet(m) : undefined;
  const context = waves([m.batch, 77, unet.contextWidth]);
  const inputs = {
    sample: waves([m.batch, unet.inChannels, m.height, m.width]),
    timestep: new Tensor("float32", [501], [1]),
    ...attendedFeed(unet, [m.height, m.width], m.tokenDownsampling),
  };
  const none: Tensors = noResiduals({ config: unet, profile: profileOf(m) });
  return async () => {
    const prompt = await projections.run({ context });
    const addResiduals = await startControl?.(context);
    return async () => {
      let residuals = none;
      for (let i = 0; i < m.controlnets; i++) residuals = await addResiduals!(inputs, residuals);
      return session.run({ ...inputs, ...prompt, ...residuals });
    };
  };
}

type AddResiduals = (inputs: Tensors, before: Tensors) => Promise<Tensors>;

async function openControlNet(m: Measurement): Promise<(context: Tensor) => Promise<AddResiduals>> {
  const { config, weights } = openModelFolder(m.folders.controlnet);
  const net = readControlNetConfig(config);
  const session = await load(m, { weights, write: (source, profile) => controlnetModel(source, net, profile) });
  const projections = await openProjections(m, weights, net);
  const write: Network["write"] = (source, profile) => conditioningEmbeddingModel(source, net, profile);
  const embedding = await load(m, { weights, write });
  const { hint } = await embedding.run({ image: waves([1, net.conditioningChannels, 8 * m.height, 8 * m.width]) });
  const scales = new Tensor("float32", new Float32Array(residualNames(net).length).fill(1));
  return async (context) => {
    const prompt = await projections.run({ context });
    return (inputs, before) => {
      const previous = Object.entries(before).map(([name, tensor]) => [`previous_${name}`, tensor]);
      return session.run({ ...inputs, ...prompt, ...Object.fromEntries(previous), hint: hint!, scales });
    };
  };
}

function openProjections(m: Measurement, weights: SafetensorsHeader, config: EncoderConfig): Promise<Session> {
  return load(m, { weights, write: (source, profile) => promptProjectionsModel(source, config, profile) });
}

async function openTextEncoder(m: Measurement): Promise<Run> {
  const { config, weights } = openModelFolder(join(m.folders.model, "text_encoder"));
  const clip = readClipTextConfig(config);
  const session = await load(m, { weights, write: (source, profile) => clipTextModel(source, clip, profile) });
  const ids = new Tensor("int64", new BigInt64Array(2 * clip.tokens).fill(1n), [2, clip.tokens]);
  return () => session.run({ input_ids: ids });
}

async function openDecoder(m: Measurement): Promise<Run> {
  const { config, weights } = openModelFolder(join(m.folders.model, "vae"));
  const vae = readVaeConfig(config);
  const session = await load(m, { weights, write: (source, profile) => vaeDecoderModel(source, vae, profile) });
  const latents = waves([1, vae.latentChannels, m.height, m.width]);
  return () => session.run({ latents });
}

/** A picture of the size that the network was trained on. */
async function openDepth(m: Measurement, folder: string): Promise<Run> {
  const { config, weights } = openModelFolder(folder);
  const dpt = readDptConfig(config);
  const session = await load(m, { weights, write: (source, profile) => dptModel(source, dpt, profile) });
  const side = dpt.vit.grid * dpt.vit.patch;
  const pixels = waves([1, 3, side, side]);
  return () => session.run({ pixel_values: pixels });
}

function load(m: Measurement, network: Pick<Network, "weights" | "write">): Promise<Session> {
  const profile = profileOf(m);
  const prepared = m.form === "prepared" || m.form === "int8" ? { folder: m.cache, limitBytes: 1e12 } : undefined;
  const device: ComputeSettings = { threads: m.threads, prepared };
  return openNetwork({ ...network, graph: m.part, profile, sizesOf: () => ({}) }, device);
}

function profileOf({ form, part }: Measurement): DeviceProfile {
  if (form === "int8" && part.startsWith("step")) return CPU_INT8_PROFILE;
  return form === "plain" ? NCHW_PROFILE : CPU_PROFILE;
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
