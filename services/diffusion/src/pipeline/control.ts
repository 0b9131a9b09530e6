/** What a ControlNet adds to each step: arXiv:2302.05543; windows and guess mode as in diffusers. */

import { pillowResize, type RgbImage } from "@armature/pixels";
import { disposeOnDevice, type Tensors } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { asPrevious, residualNames } from "../networks/ports/control-residuals.js";
import type { ControlNet } from "./components.js";
import type { StepWindow } from "./step-window.js";

/** It acts in a window of the steps. */
export interface ControlRequest extends StepWindow {
  image: RgbImage;
  conditioningScale: number;
  /** The residuals guide the conditional half alone, the finer ones less. */
  guessMode: boolean;
}

/** One ControlNet of a running job, with its hint computed. */
export interface ControlUnit extends ControlRequest {
  net: ControlNet;
  hint: Tensor;
}

/** The residuals that the UNet takes, by name; none where no ControlNet acts. */
export type Residuals = Record<string, Tensor>;

/** Turns the control picture into the hint, once for all steps: resized as the reference does, values 0..1. */
export async function prepareControl(
  net: ControlNet,
  request: ControlRequest,
  width: number,
  height: number,
): Promise<ControlUnit> {
  const { image } = request;
  const fits = image.width === width && image.height === height;
  const pixels = fits ? image : pillowResize(image, { width, height }, "lanczos");
  const { hint } = await net.embedding.run({ image: pictureTensor(pixels) });
  return { ...request, net, hint: hint!, guessMode: request.guessMode || net.config.globalPool };
}

/** Frees the hints where they lie on a device. */
export function releaseControls(units: readonly ControlUnit[]): void {
  for (const { hint } of units) disposeOnDevice({ hint });
}

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
