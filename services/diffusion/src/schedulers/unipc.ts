/** UniPC: Zhao et al. 2023, arXiv:2302.04867. Each evaluation also corrects the step that led to it. */
import { combine, type Latents } from "./latents.js";
import { type Known, MULTISTEP, type MultistepPlan, multistepPlan } from "./multistep.js";
import { type ConfigOf, flag, oneOf, only, onlyEmpty } from "./options.js";
import { plannedSchedule } from "./planned.js";
import { type Level, levelOfRatio, logSnr, toDenoised, toNoise } from "./prediction.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";

const OPTIONS = {
  ...MULTISTEP,
  /** Whether the solver follows the predicted data or the predicted noise. */
  predictX0: flag(true),
  solverType: oneOf("bh2", ["bh1", "bh2"] as const, { midpoint: "bh2", heun: "bh2", logrho: "bh2" }),
  disableCorrector: onlyEmpty,
  solverP: only(null),
  shiftTerminal: only(null),
};

export const uniPc = defineScheduler({
  className: "UniPCMultistepScheduler",
  shortNames: { unipc: {} },
  options: OPTIONS,
  conflict: (c) =>
    c.finalSigmasType === "zero" && (!c.lowerOrderFinal || !c.predictX0)
      ? { option: "finalSigmasType", detail: 'wants "sigma_min" where lower_order_final or predict_x0 is false' }
      : undefined,
  schedule: (c, numInferenceSteps) =>
    plannedSchedule(c, endKarrasTwice(c, multistepPlan(c, numInferenceSteps)), sample),
});

type Plan = ConfigOf<typeof OPTIONS> & MultistepPlan;

function* sample(c: Plan, { latents, begin = 0 }: Run): Sampler {
  const predict = c.predictX0 ? toDenoised : toNoise;
  let x = latents;
  let known: Known[] = [];
  let before: { x: Latents; from: Level; order: number } | undefined;
  for (let i = begin; i < c.timesteps.length; i++) {
    const [from, to] = [levelOfRatio(c.sigmas[i]!), levelOfRatio(c.sigmas[i + 1]!)];
    const output = yield { sample: x, level: from, modelInput: x, timestep: c.timesteps[i]!, step: i - begin };
    const value = predict({ type: c.predictionType, output, x, ...from });
    if (before) x = solve(c, { ...before, to: from, known: known.slice(0, before.order), end: value });

    known = [{ value, lambda: logSnr(from) }, ...known].slice(0, c.solverOrder);
    const order = Math.min(known.length, c.lowerOrderFinal ? c.timesteps.length - i : c.solverOrder);
    before = { x, from, order };
    x = solve(c, { ...before, to, known: known.slice(0, order) });
    x = yield { settle: x, level: c.levels[i + 1]! };
  }
  return x;
}

interface Step {
  x: Latents;
  from: Level;
  to: Level;
  /** Predictions at `from` and before, newest first: as many as the step's order. */
  known: Known[];
  /** The prediction at `to`, once it is known: it makes a corrector of the predictor. */
  end?: Latents;
}

/** One step of the corrector (UniC) with `end`, of the predictor (UniP) without it. */
function solve(c: Plan, { x, from, to, known, end }: Step): Latents {
  const [m0, ...earlier] = known as [Known, ...Known[]];
  const h = logSnr(to) - logSnr(from);
  if (h === 0) return x; // Karras sigmas that end at sigma_min end with a step of no length.
  const z = c.predictX0 ? -h : h;
  const [carry, gain] = c.predictX0 ? [to.sigma / from.sigma, to.alpha] : [to.alpha / from.alpha, to.sigma];
  const reach = c.solverType === "bh1" ? z : Math.expm1(z); // B(h) of the paper

  const points = earlier.map(({ value, lambda }) => ({ value, r: (lambda - m0.lambda) / h }));
  if (end) points.push({ value: end, r: 1 });
  const rho = weights(
    points.map(({ r }) => r),
    z,
    reach,
  );
  const slopes = points.flatMap(({ value, r }, k) => {
    const weight = (-gain * reach * rho[k]!) / r;
    return [weight, value, -weight, m0.value];
  });
  return combine(carry, x, -gain * Math.expm1(z), m0.value, ...slopes);
}

/** The coefficients that cancel the lower error terms: section 3. A single one is 1/2 at every step. */
function weights(r: number[], z: number, reach: number): number[] {
  if (r.length === 1) return [0.5];
  let phi = Math.expm1(z) / z - 1;
  let factorial = 1;
  const wanted = r.map((_, i) => {
    const value = (phi * factorial) / reach;
    factorial *= i + 2;
    phi = phi / z - 1 / factorial;
    return value;
  });
  return solveLinear(
    r.map((_, i) => r.map((ratio) => ratio ** i)),
    wanted,
  );
}

/** Gauss's elimination with pivots, for the few unknowns that there are. */
function solveLinear(matrix: number[][], wanted: number[]): number[] {
  const rows = matrix.map((row, i) => [...row, wanted[i]!]);
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    const pivot = rows.findIndex(
      (row, i) => i >= k && rows.every((other, j) => j < k || Math.abs(other[k]!) <= Math.abs(row[k]!)),
    );
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let i = 0; i < size; i++) {
      if (i === k) continue;
      const factor = rows[i]![k]! / rows[k]![k]!;
      rows[i] = rows[i]!.map((value, j) => value - factor * rows[k]![j]!);
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}

/** With Karras sigmas that end at sigma_min diffusers' UniPC repeats the last sigma, where the others take the model's least. */
function endKarrasTwice(c: ConfigOf<typeof OPTIONS>, plan: MultistepPlan): MultistepPlan {
  if (!c.useKarrasSigmas || c.finalSigmasType === "zero") return plan;
  return { ...plan, sigmas: [...plan.sigmas.slice(0, -1), plan.sigmas.at(-2)!] };
}
