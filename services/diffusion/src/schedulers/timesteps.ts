/** Which training steps a sampler visits. The ways to space and to round them are all here: Lin et al. 2023, arXiv:2305.08891, table 2. */
import { integer, oneOf } from "./options.js";
import { SchedulerRefusal } from "./refusal.js";

export type TimestepSpacing = "leading" | "linspace" | "trailing";

/** The options that place timesteps. */
export const spacingOptions = (fallback: TimestepSpacing) => ({
  timestepSpacing: oneOf(fallback, ["leading", "linspace", "trailing"] as const),
  /** Added to each timestep of the leading spacing. */
  stepsOffset: integer(0, 0, 1000),
});

export interface Spacing {
  timestepSpacing: TimestepSpacing;
  stepsOffset: number;
  numTrainTimesteps: number;
  /** Timesteps below this one are visited; the number of training steps unless a scheduler cuts the noisiest off. */
  limit?: number;
}

/** `count` timesteps, falling, down to the first training step. With linspace they are not whole numbers. */
export function spacedTimesteps(spacing: Spacing, count: number): number[] {
  requireSteps(count, spacing.numTrainTimesteps);
  return spacing.timestepSpacing === "trailing" ? trailing(spacing, count) : rising(spacing, count).reverse();
}

/** As `spacedTimesteps`, in whole numbers. */
export const wholeTimesteps = (spacing: Spacing, count: number): number[] =>
  spacedTimesteps(spacing, count).map(roundHalfToEven);

/**
 * `count` whole timesteps, falling, for the multistep solvers: one more is spaced and the last one left out,
 * for their last step goes from the timestep before it to the end.
 */
export function wholeTimestepsBeforeLast(spacing: Spacing, count: number): number[] {
  requireSteps(count, (spacing.limit ?? spacing.numTrainTimesteps) - 1);
  if (spacing.timestepSpacing === "trailing") return trailing(spacing, count);
  return rising(spacing, count + 1)
    .reverse()
    .slice(0, -1)
    .map(roundHalfToEven);
}

/** NumPy's rounding: a half goes to the even neighbour. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** `count` numbers from 0 to `end`, both included; a single one is 0. Rounded as NumPy's linspace is, for halves are rounded on. */
export function rampTo(end: number, count: number): number[] {
  const step = end / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === 0 ? 0 : i === count - 1 ? end : i * step));
}

/** Throws SchedulerRefusal unless a schedule of `count` steps exists. */
export function requireSteps(count: number, most: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= most) return;
  throw new SchedulerRefusal(`this scheduler makes from 1 to ${most} steps, not ${count}`);
}

function rising(
  { timestepSpacing, stepsOffset, numTrainTimesteps, limit = numTrainTimesteps }: Spacing,
  count: number,
): number[] {
  if (timestepSpacing === "linspace") return rampTo(limit - 1, count);
  const ratio = Math.floor(limit / count);
  if ((count - 1) * ratio + stepsOffset >= limit) {
    throw new SchedulerRefusal(
      `there is no room for this many steps with timestep_spacing "leading" and steps_offset ${stepsOffset}`,
    );
  }
  return Array.from({ length: count }, (_, i) => i * ratio + stepsOffset);
}

/**
 * Falls from the limit by equal strides; the stride that is left after one subtraction is NumPy's.
 * Where the strides' rounding gives diffusers one timestep too many, -1 (61 steps is the first case), there is none here.
 */
function trailing({ numTrainTimesteps, limit = numTrainTimesteps }: Spacing, count: number): number[] {
  const ratio = numTrainTimesteps / count;
  const stride = limit - (limit - ratio);
  const steps = Math.min(Math.ceil(limit / ratio), count);
  return Array.from({ length: steps }, (_, i) => roundHalfToEven(limit - i * stride) - 1);
}
