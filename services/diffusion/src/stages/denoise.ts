import type { Precision } from "@armature/contract";
import type { PictureSize } from "@armature/pixels";
import type { ControlUnit } from "../denoise/control.js";
import { batchesOf, type Counted, type PlannedEvaluation } from "../denoise/evaluation-plan.js";
import type { Guidance } from "../denoise/guidance.js";
import { samplePosterior } from "../denoise/posterior.js";
import type { NetworkUse } from "../engine/network-use.js";
import type { Control } from "../features/controlnets.js";
import { controlnetNetwork } from "../networks/controlnet.js";
import { attendedTokens } from "../networks/ports/attended-tokens.js";
import { controlnetPromptNetwork, unetPromptNetwork } from "../networks/prompt-projections.js";
import { shallowUnetNetwork } from "../networks/shallow-unet.js";
import { unetNetwork } from "../networks/unet.js";
import { startScheduler } from "../schedulers/index.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import { hintUse } from "./prepare-control.js";
import { latentSides, type Served } from "./served.js";
import { defineStage, made, type Products, type StageTools } from "./stage.js";

export interface Denoise {
  model: string;
  precision: Precision | undefined;
  size: PictureSize;
  /** One per picture. */
  seeds: readonly number[];
  /** Complete: the model's own with the request's overrides. */
  scheduler: SchedulerConfig;
  numInferenceSteps: number;
  eta: number;
  guidance: Guidance;
  /** Begins at the picture that was encoded, with the noise of the timestep of this index; undefined: at noise alone. */
  image?: { begin: number };
  /** What each evaluation of the scheduler calls. */
  evaluations: readonly PlannedEvaluation[];
  /** In the order of the request. */
  controls: readonly Pick<Control, "type" | "conditioningScale" | "guessMode">[];
  tokenDownsampling: number;
  work: number;
}

/** From noise, or a picture with noise, to latents, step by step. */
export const denoise = defineStage<Denoise>({
  uses(spec, served) {
    const controls = [...spec.controls.keys()].flatMap((control) => usesOfControl(spec, control, served));
    return [...usesOfModel(spec, served), ...controls];
  },
  work: ({ work }) => work,
  steps: ({ evaluations }) => evaluations.length,
  async run(spec, products, tools) {
    const loop = await import("../denoise/denoise.js");
    const { scheduler: config, numInferenceSteps, eta, evaluations: plan, guidance, tokenDownsampling } = spec;
    const shape = latentShape(spec, tools);
    const noise = tools.noise(spec.seeds);
    // the reference draws what it takes of the picture before the noise that it adds
    const image = spec.image && {
      latents: samplePosterior(made(products, "posterior"), spec.seeds.length, noise),
      begin: spec.image.begin,
    };
    const latents = noise(shape.reduce((product, size) => product * size, 1));
    const session = (network: { name: string }) => tools.session(spec.model, network);
    const unet = {
      session: session(unetNetwork),
      projections: session(unetPromptNetwork),
      config: tools.model(spec.model).unet,
    };
    const inputs = {
      job: startScheduler({ config, numInferenceSteps, latents, noise, eta, ...(image && { image }) }),
      ...{ shape, embeds: made(products, "embeds"), plan, guidance, tokenDownsampling },
      controls: unitsOf(spec, products, tools),
      shallow: plan.every(({ whole }) => whole) ? undefined : { session: session(shallowUnetNetwork) },
    };
    return { latents: await loop.denoise(unet, inputs, tools.events) };
  },
});

/** Shape of the latents, [N, C, h, w]. */
function latentShape({ model: id, seeds, size }: Denoise, served: Served) {
  const model = served.model(id);
  const { H, W } = latentSides(model, size);
  return [seeds.length, model.latents.channels, H, W] as const;
}

/** By their place in the request. One that acts in no evaluation has no hint, and is not loaded. */
function unitsOf({ controls }: Denoise, { hints = {} }: Products, tools: StageTools): (ControlUnit | undefined)[] {
  return controls.map(({ type, ...how }, i) => {
    const hint = hints[i];
    if (!hint) return undefined;
    const { id, config } = tools.controlNet(type);
    const net = {
      session: tools.session(id, controlnetNetwork),
      projections: tools.session(id, controlnetPromptNetwork),
      config,
    };
    return { ...how, net, hint };
  });
}

function usesOfModel(spec: Denoise, served: Served): NetworkUse[] {
  const { evaluations, seeds, controls, model } = spec;
  const use = usesAt(spec, served);
  const batches = (of: boolean) => batchesOf(evaluations, seeds.length, ({ whole }) => whole === of);
  const controlled = controls.length > 0;
  return [
    ...use(model, unetPromptNetwork, batchesOf(evaluations, seeds.length)),
    ...use(model, unetNetwork, batches(true), { controlled }),
    ...use(model, shallowUnetNetwork, batches(false), { controlled }),
  ];
}

function usesOfControl(spec: Denoise, control: number, served: Served): NetworkUse[] {
  const { evaluations, seeds, controls, model, size } = spec;
  const acts: Counted = ({ whole }, pass) => whole && pass.controls.includes(control);
  const batches = batchesOf(evaluations, seeds.length, acts);
  if (batches.length === 0) return [];
  const { id: component } = served.controlNet(controls[control]!.type);
  const use = usesAt(spec, served);
  return [
    // held, for the hint lies in the memory of the session that made it
    hintUse(component, served.model(model), size),
    ...use(component, controlnetPromptNetwork, batches),
    ...use(component, controlnetNetwork, batches, { controlled: true }),
  ];
}

/** Uses of networks at the sizes of a step. */
function usesAt(spec: Denoise, served: Served) {
  const model = served.model(spec.model);
  const latent = latentSides(model, spec.size);
  const T = attendedTokens(model.unet, [latent.H, latent.W], spec.tokenDownsampling).length;
  const sizes = { S: model.text.tokens, T, ...latent };
  return (component: string, { name: network }: { name: string }, batches: number[], more?: Partial<NetworkUse>) =>
    batches.map(
      (B): NetworkUse => ({ component, network, precision: spec.precision, sizes: { B, ...sizes }, ...more }),
    );
}
