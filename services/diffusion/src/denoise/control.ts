/** What a ControlNet adds to each step: arXiv:2302.05543; guess mode as in diffusers. */
import type { PictureSize, RgbImage } from "@armature/pixels";
import { disposeOnDevice, type Session, type Tensors } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { asPrevious, residualNames } from "../networks/ports/control-residuals.js";
import type { ControlNet } from "./components.js";
import { pictureTensor } from "./picture-tensor.js";

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

/** Turns the control picture into the hint, once for all steps. */
export async function makeHint(embedding: Session, image: RgbImage, size: PictureSize): Promise<Tensor> {
  const { hint } = await embedding.run({ image: pictureTensor(image, size, 0) });
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
