import type { Precision } from "@armature/contract";
import type { PictureSize } from "@armature/pixels";
import type { AttachedAdapter, UsesInCalls } from "../adapters/adapter.js";
import { type Adapter, adapterDefinition, attachAdapter } from "../adapters/index.js";
import type { DenoiseSettings } from "../denoise/denoise-latents.js";
import { batchesOf, picturesPerCall } from "../denoise/evaluation-plan.js";
import { samplePosterior } from "../denoise/posterior.js";
import type { NetworkUse } from "../facts/network-use.js";
import { latentSides, type ServedFacts } from "../facts/served-facts.js";
import { attendedTokens } from "../networks/ports/attended-tokens.js";
import { unetPromptNetwork } from "../networks/prompt-projections.js";
import { shallowUnetNetwork } from "../networks/shallow-unet.js";
import { unetNetwork } from "../networks/unet.js";
import { type SamplingSettings, startScheduler } from "../schedulers/index.js";
import { defineStage, type Products, productOf, type StageTools } from "./stage.js";

/** With the settings of the scheduler and of the loop, which go on to them as they are. */
export interface Denoise extends SamplingSettings, DenoiseSettings {
  model: string;
  precision: Precision | undefined;
  size: PictureSize;
  /** One per picture. */
  seeds: readonly number[];
  /** Begins at the picture that was encoded, with the noise of the timestep of this index; undefined: at noise alone. */
  image?: { begin: number };
  /** In the order of the request: evaluations name them by their places. */
  adapters: readonly Adapter[];
  work: number;
}

/** From noise, or a picture with noise, to latents, step by step. */
export const denoise = defineStage<Denoise>({
  uses(spec, facts) {
    const adapters = [...spec.adapters.keys()].flatMap((place) => usesOfAdapter(spec, place, facts));
    return [...usesOfModel(spec, facts), ...adapters];
  },
  work: ({ work }) => work,
  steps: ({ evaluations }) => evaluations.length,
  async run(spec, products, tools) {
    const { denoiseLatents } = await import("../denoise/denoise-latents.js");
    const shape = latentShape(spec, tools);
    const noise = tools.noise(spec.seeds);
    // the reference draws what it takes of the picture before the noise that it adds
    const image = spec.image && {
      latents: samplePosterior(productOf(products, "posterior"), spec.seeds.length, noise),
      begin: spec.image.begin,
    };
    const latents = noise(shape.reduce((product, size) => product * size, 1));
    const session = (network: { name: string }) => tools.session(spec.model, network);
    const networks = {
      unet: {
        session: session(unetNetwork),
        projections: session(unetPromptNetwork),
        config: tools.model(spec.model).configs.unet,
      },
      shallow: spec.evaluations.every(({ whole }) => whole) ? undefined : { session: session(shallowUnetNetwork) },
      adapters: await attachAdapters(spec, products, tools),
    };
    const scheduled = startScheduler({ ...spec, latents, noise, image });
    const embeds = productOf(products, "embeds");
    const inputs = { ...spec, scheduled, shape, embeds, picturesPerCall: perCall(spec) };
    return { latents: await denoiseLatents(networks, inputs, tools.events) };
  },
});

/** Shape of the latents, [N, C, h, w]. */
function latentShape({ model: id, seeds, size }: Denoise, facts: ServedFacts) {
  const model = facts.model(id);
  const { H, W } = latentSides(model, size);
  return [seeds.length, model.latents.channels, H, W] as const;
}

/** Pictures that share a call of the networks. */
const perCall = ({ precision, seeds }: Denoise): number => picturesPerCall(precision, seeds.length);

/** By their places in the request. One that acts in no evaluation was not prepared, and is not loaded. */
function attachAdapters(
  { adapters }: Denoise,
  { prepared = {} }: Products,
  tools: StageTools,
): Promise<(AttachedAdapter | undefined)[]> {
  return Promise.all(
    adapters.map(async (adapter, place) => {
      const own = prepared[place];
      return own && attachAdapter(adapter, own, tools);
    }),
  );
}

function usesOfModel(spec: Denoise, facts: ServedFacts): NetworkUse[] {
  const { evaluations, adapters, model } = spec;
  const use = usesAt(spec, facts);
  const batches = (of: boolean) => batchesOf(evaluations, perCall(spec), ({ whole }) => whole === of);
  const steered = adapters.length > 0;
  return [
    ...use(batchesOf(evaluations, perCall(spec)))(model, unetPromptNetwork),
    ...use(batches(true))(model, unetNetwork, { steered }),
    ...use(batches(false))(model, shallowUnetNetwork, { steered }),
  ];
}

function usesOfAdapter(spec: Denoise, place: number, facts: ServedFacts): NetworkUse[] {
  const { evaluations, adapters, model, size } = spec;
  const batches = batchesOf(evaluations, perCall(spec), ({ whole }, call) => whole && call.adapters.includes(place));
  if (batches.length === 0) return [];
  const adapter = adapters[place]!;
  const acting = { model: facts.model(model), size, inCalls: usesAt(spec, facts)(batches) };
  return adapterDefinition(adapter).uses(adapter, acting);
}

/** Uses of networks in batches of calls, at the sizes of a step. */
function usesAt(spec: Denoise, facts: ServedFacts) {
  const model = facts.model(spec.model);
  const latent = latentSides(model, spec.size);
  const T = attendedTokens(model.configs.unet, [latent.H, latent.W], spec.tokenDownsampling).length;
  const sizes = { S: model.context.tokens, T, ...latent };
  return (batches: readonly number[]): UsesInCalls =>
    (component, { name: network }, more) =>
      batches.map((B) => ({ component, network, precision: spec.precision, sizes: { B, ...sizes }, ...more }));
}
