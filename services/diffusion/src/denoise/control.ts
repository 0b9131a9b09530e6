/** What a ControlNet adds to each step: arXiv:2302.05543; guess mode as in diffusers. */

import { pillowResize, type RgbImage } from "@armature/pixels";
import { disposeOnDevice, type Session, type Tensors } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import type { Size } from "../features/size.js";
import { asPrevious, residualNames } from "../networks/ports/control-residuals.js";
import type { ControlNet } from "./components.js";

/** One ControlNet of a running job, with its hint computed. */
export interface ControlUnit {
  net: ControlNet;
  hint: Tensor;
  conditioningScale: number;
  /** The finer residuals count less. */
  guessMode: boolean;
}

/** The residuals that the UNet takes, by name; none where no ControlNet acts. */
export type Residuals = Record<string, Tensor>;

/** Turns the control picture into the hint, once for all steps: resized as the reference does, values 0..1. */
export async function makeHint(embedding: Session, image: RgbImage, { width, height }: Size): Promise<Tensor> {
  const fits = image.width === width && image.height === height;
  const pixels = fits ? image : pillowResize(image, { width, height }, "lanczos");
  const { hint } = await embedding.run({ image: pictureTensor(pixels) });
  return hint!;
}

/** Frees a hint where it lies on a device. */
export const releaseHint = (hint: Tensor): void => disposeOnDevice({ hint });

export interface StepInputs {
  sample: Tensor; // [B, 4, H, W]
  timestep: Tensor; // [1]
  attended_tokens: Tensor; // [T]
}

/** Adds one unit's residuals to those of the units before it. `inputs`: of the step, with the prompt as its network takes it. */
export async function addResiduals(
  unit: ControlUnit,
  inputs: StepInputs & Tensors,
  before: Residuals,
): Promise<Residuals> {
  return unit.net.session.run({ ...inputs, ...asPrevious(before), hint: unit.hint, scales: scales(unit) });
}

/** One factor a residual; in guess mode from a tenth for the finest to one for the middle, in equal ratios. */
function scales({ net, conditioningScale, guessMode }: ControlUnit): Tensor {
  const count = residualNames(net.config).length;
  const ramp = guessMode && !net.config.globalPool;
  const values = Array.from({ length: count }, (_, i) => conditioningScale * (ramp ? 10 ** (i / (count - 1) - 1) : 1));
  return new Tensor("float32", values, [count]);
}

/** Interleaved bytes as [1, 3, H, W], 0..1. */
function pictureTensor({ data, width, height }: RgbImage): Tensor {
  const pixels = width * height;
  const values = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) values[c * pixels + i] = data[3 * i + c]! / 255;
  }
  return new Tensor("float32", values, [1, 3, height, width]);
}
