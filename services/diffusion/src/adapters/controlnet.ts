/** ControlNet: arXiv:2302.05543. A copy of the UNet's encoder sees a control image in each call; guess mode is as in diffusers. */
import type { NetworkUse } from "../facts/network-use.js";
import { latentSides } from "../facts/served-facts.js";
import {
  type ControlNetConfig,
  conditioningEmbeddingNetwork,
  controlnetNetwork,
  readControlNetConfig,
} from "../networks/controlnet.js";
import { downsampledLevel } from "../networks/ports/attended-tokens.js";
import { asPrevious, residualNames, residualsOf } from "../networks/ports/control-residuals.js";
import { controlnetPromptNetwork } from "../networks/prompt-projections.js";
import type { EncoderConfig } from "../networks/unet-config.js";
import { type AdapterSpec, defineAdapter, type PreparedFor } from "./adapter.js";

export interface ControlNetSpec extends AdapterSpec {
  conditioningScale: number;
  /** The finer residuals count less. */
  guessMode: boolean;
}

export const controlNetAdapter = defineAdapter<ControlNetSpec, ControlNetConfig>({
  label: "ControlNet",
  variable: "CONTROLNETS",
  weights: {
    kind: "controlnet",
    className: "ControlNetModel",
    read: readControlNetConfig,
    always: [controlnetNetwork.name, controlnetPromptNetwork.name, conditioningEmbeddingNetwork.name],
    sometimes: [],
  },
  share: 0.33, // counted at full size (docs/performance.md)
  fits: (config, { unet }) => encoderShape(config) === encoderShape(unet),
  preparation: ({ component }, picture) => [hintUse(component, picture)],
  async prepare({ component }, { image, size }, tools) {
    const { pictureTensor } = await import("../pictures/picture-tensor.js");
    const embedding = tools.session(component, conditioningEmbeddingNetwork);
    const { hint } = await embedding.run({ image: pictureTensor(image, size, 0) });
    return { hint: hint! };
  },
  uses: ({ component }, { inCalls, ...picture }) => [
    hintUse(component, picture), // the hint lies in the memory of the session that made it
    ...inCalls(component, controlnetPromptNetwork),
    ...inCalls(component, controlnetNetwork, { steered: true }),
  ],
  async attach(spec, { config, prepared }, tools) {
    const { Tensor } = await import("onnxruntime-node");
    const session = tools.session(spec.component, controlnetNetwork);
    const projections = tools.session(spec.component, controlnetPromptNetwork);
    const factors = residualScales(spec, config);
    const scales = new Tensor("float32", factors, [factors.length]);
    return {
      name: `${controlnetNetwork.label} of ${spec.component}`,
      prepared,
      async steer({ inputs, before, promptOf }) {
        const previous = asPrevious(residualsOf(before, config));
        const prompt = await promptOf(projections);
        const residuals = await session.run({ ...inputs, ...prompt, ...previous, ...prepared, scales });
        return { ...before, ...residuals };
      },
    };
  },
});

/** The network that makes the hint: what a ControlNet sees of its control image. No step changes it. */
function hintUse(component: string, { model, size }: PreparedFor): NetworkUse {
  return { component, network: conditioningEmbeddingNetwork.name, sizes: { B: 1, ...latentSides(model, size) } };
}

/** One factor per residual; in guess mode from a tenth for the finest to one for the middle, in equal ratios. */
function residualScales({ conditioningScale, guessMode }: ControlNetSpec, config: ControlNetConfig): number[] {
  const count = residualNames(config).length;
  const ramp = guessMode && !config.globalPool;
  return Array.from({ length: count }, (_, i) => conditioningScale * (ramp ? 10 ** (i / (count - 1) - 1) : 1));
}

/** What a ControlNet copies of a UNet; both look at tokens of one level. */
function encoderShape(c: EncoderConfig): string {
  const { levels, layersPerLevel, contextWidth } = c;
  return JSON.stringify([levels.map(({ channels }) => channels), layersPerLevel, contextWidth, downsampledLevel(c)]);
}
