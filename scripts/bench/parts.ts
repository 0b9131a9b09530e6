/** The parts of the stack that the benchmark measures: each loads its networks, and gives the work to time. */
import { join } from "node:path";
import { clipTextNetwork } from "@armature/diffusion/networks/clip-text";
import { conditioningEmbeddingNetwork, controlnetNetwork } from "@armature/diffusion/networks/controlnet";
import { asPrevious, residualNames } from "@armature/diffusion/networks/ports/control-residuals";
import { controlnetPromptNetwork, unetPromptNetwork } from "@armature/diffusion/networks/prompt-projections";
import { unetNetwork } from "@armature/diffusion/networks/unet";
import { vaeDecoderNetwork } from "@armature/diffusion/networks/vae";
import { attendedFeed } from "@armature/diffusion/pipeline/attended";
import { CPU_INT8_PROFILE, CPU_PROFILE, type DeviceProfile, NCHW_PROFILE, type Network } from "@armature/graph";
import { dptNetwork } from "@armature/preprocessor/networks/dpt";
import { openNetwork, type Session, type Tensors } from "@armature/runtime";
import { openModelFolder } from "@armature/weights";
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
  const folder = join(m.folders.model, "unet");
  const { session, config: unet } = await open(m, unetNetwork, folder);
  const { session: projections } = await open(m, unetPromptNetwork, folder);
  const startControl = m.controlnets > 0 ? await openControlNet(m) : undefined;
  const context = waves([m.batch, 77, unet.contextWidth]);
  const inputs = {
    sample: waves([m.batch, unet.inChannels, m.height, m.width]),
    timestep: new Tensor("float32", [501], [1]),
    ...attendedFeed(unet, [m.height, m.width], m.tokenDownsampling),
  };
  return async () => {
    const prompt = await projections.run({ context });
    const addResiduals = await startControl?.(context);
    return async () => {
      let residuals: Tensors = {};
      for (let i = 0; i < m.controlnets; i++) residuals = await addResiduals!(inputs, residuals);
      return session.run({ ...inputs, ...prompt, ...residuals });
    };
  };
}

type AddResiduals = (inputs: Tensors, before: Tensors) => Promise<Tensors>;

async function openControlNet(m: Measurement): Promise<(context: Tensor) => Promise<AddResiduals>> {
  const { controlnet: folder } = m.folders;
  const { session, config: net } = await open(m, controlnetNetwork, folder);
  const { session: projections } = await open(m, controlnetPromptNetwork, folder);
  const { session: embedding } = await open(m, conditioningEmbeddingNetwork, folder);
  const { hint } = await embedding.run({ image: waves([1, net.conditioningChannels, 8 * m.height, 8 * m.width]) });
  const scales = new Tensor("float32", new Float32Array(residualNames(net).length).fill(1));
  return async (context) => {
    const prompt = await projections.run({ context });
    return (inputs, before) => session.run({ ...inputs, ...prompt, ...asPrevious(before), hint: hint!, scales });
  };
}

async function openTextEncoder(m: Measurement): Promise<Run> {
  const { session, config: clip } = await open(m, clipTextNetwork, join(m.folders.model, "text_encoder"));
  const ids = new Tensor("int64", new BigInt64Array(2 * clip.tokens).fill(1n), [2, clip.tokens]);
  return () => session.run({ input_ids: ids });
}

async function openDecoder(m: Measurement): Promise<Run> {
  const { session, config: vae } = await open(m, vaeDecoderNetwork, join(m.folders.model, "vae"));
  const latents = waves([1, vae.latentChannels, m.height, m.width]);
  return () => session.run({ latents });
}

/** A picture of the size that the network was trained on. */
async function openDepth(m: Measurement, folder: string): Promise<Run> {
  const { session, config: dpt } = await open(m, dptNetwork, folder);
  const side = dpt.vit.grid * dpt.vit.patch;
  const pixels = waves([1, 3, side, side]);
  return () => session.run({ pixel_values: pixels });
}

async function open<Config>(
  m: Measurement,
  network: Network<Config>,
  folder: string,
): Promise<{ session: Session; config: Config }> {
  const { config: file, weights } = openModelFolder(folder);
  const config = network.read(file);
  const prepared = m.form === "prepared" || m.form === "int8" ? { folder: m.cache, limitBytes: 1e12 } : undefined;
  const source = { network: network.configured(config), weights, profile: profileOf(network, m.form) };
  return { session: await openNetwork(source, { threads: m.threads, prepared }), config };
}

function profileOf({ digits }: Pick<Network, "digits">, form: Form): DeviceProfile {
  if (form === "int8" && digits === "int8") return CPU_INT8_PROFILE;
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
