/** What the benchmark times: single networks, and what calls several as a request does, each fed with what those before it give. */
import { clipTextNetwork } from "@armature/diffusion/networks/clip-text";
import { conditioningEmbeddingNetwork, controlnetNetwork } from "@armature/diffusion/networks/controlnet";
import { asPrevious } from "@armature/diffusion/networks/ports/control-residuals";
import { controlnetPromptNetwork, unetPromptNetwork } from "@armature/diffusion/networks/prompt-projections";
import { unetNetwork } from "@armature/diffusion/networks/unet";
import { vaeDecoderNetwork } from "@armature/diffusion/networks/vae";
import { dptNetwork } from "@armature/preprocessor/networks/dpt";
import type { Tensors } from "@armature/runtime";
import { type ComponentNetwork, DEPTH_HYBRID, NETWORK_NAMES } from "./networks.js";
import { type Call, type OpeningSettings, openTimed, type TimedNetwork } from "./timed-network.js";

const over = (component: string, { name: network }: { name: string }): ComponentNetwork => ({ component, network });

const UNET = over("unet", unetNetwork);
const UNET_PROMPT = over("unet", unetPromptNetwork);
const CONTROLNET = over("controlnet", controlnetNetwork);
const CONTROLNET_PROMPT = over("controlnet", controlnetPromptNetwork);
const HINT = over("controlnet", conditioningEmbeddingNetwork);
const TEXT_ENCODER = over("text_encoder", clipTextNetwork);
const DECODER = over("vae", vaeDecoderNetwork);

/**
 * Workloads with names of their own. `step` is one call of ControlNets and UNet, which know the prompt; `picture` is the prompt, all
 * steps and the decoder.
 */
const NAMED = {
  step: [UNET_PROMPT, UNET],
  "step+controlnet": [UNET_PROMPT, UNET],
  picture: [TEXT_ENCODER, UNET_PROMPT, UNET, DECODER],
  "vae decode": [DECODER],
  "text encoder": [TEXT_ENCODER],
  depth: [over("depth", dptNetwork)],
  "depth hybrid": [over(DEPTH_HYBRID, dptNetwork)],
} satisfies Record<string, readonly ComponentNetwork[]>;

export const WORKLOADS: readonly string[] = Object.keys(NAMED);

/** ControlNets that a workload has, unless more are asked for. */
export const controlnetsOf = (workload: string): number => (workload === "step+controlnet" ? 1 : 0);

/** The networks of a workload, which may be the name of one. Throws where there is no such workload. */
export function networksOf(workload: string, controlnets: number): readonly ComponentNetwork[] {
  const single = NETWORK_NAMES.get(workload);
  const networks = (NAMED as Record<string, readonly ComponentNetwork[]>)[workload] ?? (single && [single]);
  if (!networks) throw new Error(`There is no workload ${workload}`);
  return controlnets > 0 ? [...networks, HINT, CONTROLNET_PROMPT, CONTROLNET] : networks;
}

/** A workload with all that it opens: plain JSON. */
export interface OpenedWorkload extends OpeningSettings {
  workload: string;
  networks: readonly TimedNetwork[];
  /** How many ControlNets, one after another, act on a step; all are the same one. */
  controlnets: number;
  /** Denoising steps of a picture. */
  steps: number;
}

type Run = () => Promise<unknown>;

/** Loads what the workload needs, and gives what is to be timed. */
export function openWorkload(opened: OpenedWorkload): Promise<Run> {
  return (OF_SEVERAL[opened.workload] ?? openSingle)(opened);
}

const OF_SEVERAL: Readonly<Record<string, (opened: OpenedWorkload) => Promise<Run>>> = {
  step: openStep,
  "step+controlnet": openStep,
  picture: openPicture,
};

async function openSingle(opened: OpenedWorkload): Promise<Run> {
  const call = await openTimed(opened.networks[0]!, opened);
  return () => call();
}

async function openStep(opened: OpenedWorkload): Promise<Run> {
  const start = await openSteps(opened);
  return start();
}

async function openPicture(opened: OpenedWorkload): Promise<Run> {
  const encode = await open(opened, TEXT_ENCODER);
  const start = await openSteps(opened);
  const decode = await open(opened, DECODER);
  return async () => {
    await encode();
    const step = await start();
    for (let i = 0; i < opened.steps; i++) await step();
    await decode();
  };
}

/** What comes before a picture's first step: it brings the prompt into the networks' form, and gives the step. */
async function openSteps(opened: OpenedWorkload): Promise<() => Promise<Run>> {
  const unet = await open(opened, UNET);
  const projections = await open(opened, UNET_PROMPT);
  const startControl = opened.controlnets > 0 ? await openControlNet(opened) : undefined;
  return async () => {
    const prompt = await projections();
    const addResiduals = await startControl?.();
    return async () => {
      let residuals: Tensors = {};
      for (let i = 0; i < opened.controlnets; i++) residuals = await addResiduals!(residuals);
      return unet({ ...prompt, ...residuals });
    };
  };
}

/** Gives, once the prompt is known, what adds the residuals of the net to those of the nets before it. */
async function openControlNet(opened: OpenedWorkload): Promise<() => Promise<(before: Tensors) => Promise<Tensors>>> {
  const controlnet = await open(opened, CONTROLNET);
  const projections = await open(opened, CONTROLNET_PROMPT);
  const hint = await (await open(opened, HINT))();
  return async () => {
    const prompt = await projections();
    return (before) => controlnet({ ...prompt, ...hint, ...asPrevious(before) });
  };
}

function open({ networks, ...how }: OpenedWorkload, { component, network }: ComponentNetwork): Promise<Call> {
  const timed = networks.find((found) => found.component === component && found.network === network);
  return openTimed(timed!, how);
}
