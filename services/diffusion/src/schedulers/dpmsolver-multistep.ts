/** DPM-Solver (Lu et al. 2022, arXiv:2206.00927) and DPM-Solver++ (arXiv:2211.01095), multistep, also as SDE solvers. */
import { combine, type Latents } from "./latents.js";
import { type Known, MULTISTEP, type MultistepPlan, multistepPlan } from "./multistep.js";
import { type ConfigOf, flag, type Option, oneOf, only, real } from "./options.js";
import { plannedSchedule } from "./planned.js";
import { type Level, levelOfRatio, logSnr, toDenoised, toNoise } from "./prediction.js";
import { defineScheduler, type Run, type Sampler } from "./scheduler.js";

/** A network that also learned a variance has outputs that Stable Diffusion's has not; fixed ones do not matter here. */
const noLearnedVariance: Option<null> = {
  fallback: null,
  accepts: 'null, "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"',
  read: (value) => (value === null || /^fixed_(small|large)(_log)?$/.test(String(value)) ? null : undefined),
};

const OPTIONS = {
  ...MULTISTEP,
  algorithmType: oneOf("dpmsolver++", ["dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver"] as const, {
    deis: "dpmsolver++",
  }),
  solverType: oneOf("midpoint", ["midpoint", "heun"] as const, {
    logrho: "midpoint",
    bh1: "midpoint",
    bh2: "midpoint",
  }),
  eulerAtFinal: flag(false),
  useLuLambdas: only(false),
  /** Timesteps noisier than this log(alpha / sigma) are left out. */
  lambdaMinClipped: real(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 10),
  varianceType: noLearnedVariance,
};

const PLUS_PLUS = { solver_order: 2, algorithm_type: "dpmsolver++" };
const SDE_PLUS_PLUS = { solver_order: 2, algorithm_type: "sde-dpmsolver++" };

export const dpmSolverMultistep = defineScheduler({
  className: "DPMSolverMultistepScheduler",
  shortNames: {
    "dpm++ 2m": PLUS_PLUS,
    "dpm++ 2m sde": SDE_PLUS_PLUS,
    "dpm++ 3m": { ...PLUS_PLUS, solver_order: 3 },
  },
  options: OPTIONS,
  conflict(c) {
    if (!c.algorithmType.endsWith("++") && c.finalSigmasType === "zero") {
      return {
        option: "finalSigmasType",
        detail: `algorithm_type "${c.algorithmType}" wants "sigma_min", found "zero"`,
      };
    }
    if (c.algorithmType.startsWith("sde") && c.solverOrder === 3) {
      return { option: "solverOrder", detail: `algorithm_type "${c.algorithmType}" wants 1 or 2, found 3` };
    }
    return undefined;
  },
  schedule: (c, numInferenceSteps) =>
    plannedSchedule(c, multistepPlan(c, numInferenceSteps, c.lambdaMinClipped), sample),
});

type Plan = ConfigOf<typeof OPTIONS> & MultistepPlan;

function* sample(c: Plan, { latents, noise, begin = 0 }: Run): Sampler {
  const predict = c.algorithmType.endsWith("++") ? toDenoised : toNoise;
  let x = latents;
  let known: Known[] = [];
  for (let i = begin; i < c.timesteps.length; i++) {
    const [from, to] = [levelOfRatio(c.sigmas[i]!), levelOfRatio(c.sigmas[i + 1]!)];
    const output = yield { sample: x, level: from, modelInput: x, timestep: c.timesteps[i]!, step: i - begin };
    const value = predict({ type: c.predictionType, output, x, ...from });
    known = [{ value, lambda: logSnr(from) }, ...known].slice(0, orderAt(c, i, known.length + 1));

    const { carry, gain, z, spread } = exponentialStep(c.algorithmType, from, to);
    const terms = [carry, x, ...solverTerms(c, known, { gain, z, h: logSnr(to) - logSnr(from) })];
    x = c.algorithmType.startsWith("sde") ? combine(...terms, spread, noise(x.length)) : combine(...terms);
    x = yield { settle: x, level: c.levels[i + 1]! };
  }
  return x;
}

/** How many predictions a step may use. Where the noise ends at zero, only a first-order last step is finite. */
function orderAt(c: Plan, i: number, available: number): number {
  const left = c.timesteps.length - i;
  const fewSteps = c.lowerOrderFinal && c.timesteps.length < 15;
  if (left === 1 && (c.eulerAtFinal || fewSteps || c.finalSigmasType === "zero")) return 1;
  if (left === 2 && fewSteps) return Math.min(2, c.solverOrder, available);
  return Math.min(c.solverOrder, available);
}

interface ExponentialStep {
  /** What is left of the sample. */
  carry: number;
  /** The factor of all predictions, and the exponent in their weights. */
  gain: number;
  z: number;
  /** The strength of fresh noise. */
  spread: number;
}

/** The exact part of a step: arXiv:2211.01095, sections 4.1 and 5 (the SDEs); without ++ arXiv:2206.00927, proposition 3.1. */
function exponentialStep(algorithm: Plan["algorithmType"], from: Level, to: Level): ExponentialStep {
  const h = logSnr(to) - logSnr(from);
  switch (algorithm) {
    case "dpmsolver++":
      return { carry: to.sigma / from.sigma, gain: to.alpha, z: -h, spread: 0 };
    case "dpmsolver":
      return { carry: to.alpha / from.alpha, gain: to.sigma, z: h, spread: 0 };
    case "sde-dpmsolver++": {
      const carry = (to.sigma / from.sigma) * Math.exp(-h);
      return { carry, gain: to.alpha, z: -2 * h, spread: to.sigma * Math.sqrt(-Math.expm1(-2 * h)) };
    }
    case "sde-dpmsolver":
      return {
        carry: to.alpha / from.alpha,
        gain: 2 * to.sigma,
        z: h,
        spread: to.sigma * Math.sqrt(Math.expm1(2 * h)),
      };
  }
}

/** Weights for the predictions, newest first: a Taylor polynomial in lambda whose derivatives are divided differences. */
function solverTerms(
  c: Plan,
  known: Known[],
  { gain, z, h }: { gain: number; z: number; h: number },
): (number | Latents)[] {
  const [m0, m1, m2] = known as [Known, Known?, Known?];
  const w0 = -gain * Math.expm1(z);
  if (!m1 || h === 0) return [w0, m0.value]; // Karras sigmas that end at sigma_min end with a step of no length.
  const w1 = -gain * (Math.expm1(z) / z - 1);
  const r0 = (m0.lambda - m1.lambda) / h;
  if (!m2) {
    const slope = (c.solverType === "midpoint" ? w0 / 2 : w1) / r0;
    return [w0 + slope, m0.value, -slope, m1.value];
  }
  const w2 = -gain * ((Math.expm1(z) - z) / z ** 2 - 0.5);
  const r1 = (m1.lambda - m2.lambda) / h;
  // D1 = d0 + r0/(r0+r1)·(d0 − d1) and D2 = (d0 − d1)/(r0+r1), with d0 = (m0 − m1)/r0 and d1 = (m1 − m2)/r1.
  const bend = (w1 * r0 + w2) / (r0 + r1);
  const [d0, d1] = [(w1 + bend) / r0, -bend / r1];
  return [w0 + d0, m0.value, d1 - d0, m1.value, -d1, m2.value];
}
