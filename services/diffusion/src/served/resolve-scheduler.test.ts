import { InvalidModel, InvalidRequest } from "@armature/core";
import { describe, expect, test } from "vitest";
import { SCHEDULERS, scheduleOf } from "../schedulers/index.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import { resolveSchedule, resolveScheduler, type SchedulerRequest, schedulerNames } from "./resolve-scheduler.js";
import { parseSchedulerConfig } from "./scheduler-config.js";

/** As published with Stable Diffusion 1.5. */
const SD15: SchedulerConfig = {
  name: "PNDMScheduler",
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  num_train_timesteps: 1000,
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
  trained_betas: null,
  clip_sample: false,
};

/** As diffusers writes a DPM solver, with options that only other values of would matter. */
const DPM = parseSchedulerConfig(
  `{"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.30.0", "algorithm_type": "dpmsolver++",
    "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
    "dynamic_thresholding_ratio": 0.995, "euler_at_final": false, "final_sigmas_type": "zero",
    "lambda_min_clipped": -Infinity, "lower_order_final": true, "num_train_timesteps": 1000, "prediction_type": "epsilon",
    "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "set_alpha_to_one": false, "skip_prk_steps": true,
    "solver_order": 2, "solver_type": "midpoint", "steps_offset": 1, "thresholding": false,
    "timestep_spacing": "leading", "trained_betas": null, "use_beta_sigmas": false, "use_exponential_sigmas": false,
    "use_flow_sigmas": false, "flow_shift": 1.0, "use_karras_sigmas": true, "use_lu_lambdas": false, "variance_type": null}`,
  "scheduler_config.json",
);

function issuesOf(request: SchedulerRequest, model: SchedulerConfig = SD15) {
  try {
    resolveScheduler(request, model);
  } catch (error) {
    if (error instanceof InvalidRequest) return error.issues;
    throw error;
  }
  return [];
}

describe("without a wish", () => {
  test("the model's own scheduler runs, completed with the class's defaults", () => {
    expect(resolveScheduler(undefined, SD15)).toEqual({
      name: "PNDMScheduler",
      num_train_timesteps: 1000,
      beta_start: 0.00085,
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      trained_betas: null,
      timestep_spacing: "leading",
      steps_offset: 1,
      prediction_type: "epsilon",
      skip_prk_steps: true,
      set_alpha_to_one: false,
    });
  });

  test.each([
    [
      { ...SD15, name: "HeunishScheduler" },
      /HeunishScheduler is not supported; a request may choose one of DDIMScheduler,/,
    ],
    [{ ...DPM, thresholding: true }, /thresholding of DPMSolverMultistepScheduler wants only false, found true/],
    [{ ...DPM, use_exponential_sigmas: true }, /use_exponential_sigmas .* wants only false, found true/],
    [{ ...DPM, variance_type: "learned_range" }, /variance_type .* found "learned_range"/],
    [{ ...DPM, solver_type: "newton" }, /solver_type .* wants "midpoint", "heun", found "newton"/],
    [{ ...DPM, lambda_min_clipped: Number.NaN }, /lambda_min_clipped .* found NaN/],
    [{ ...SD15, trained_betas: [0.1] }, /trained_betas .* wants only null, found \[0\.1\]/],
    [{ ...SD15, beta_schedule: "sigmoid" }, /beta_schedule .* found "sigmoid"/],
    [
      { ...SD15, prediction_type: "sample" },
      /prediction_type of PNDMScheduler wants "epsilon", "v_prediction", found "sample"/,
    ],
    [{ ...SD15, num_train_timesteps: "1000" }, /num_train_timesteps .* wants a whole number .* found "1000"/],
  ])("a model that asks for what is not supported is refused by the option: %#", (model, message) => {
    expect(() => resolveScheduler(undefined, model)).toThrow(InvalidModel);
    expect(() => resolveScheduler(undefined, model)).toThrow(message);
  });
});

describe("names", () => {
  test.each([
    ["EulerDiscreteScheduler", "EulerDiscreteScheduler", {}],
    ["eulerdiscrete", "EulerDiscreteScheduler", {}],
    ["ddim", "DDIMScheduler", {}],
    ["DDIM", "DDIMScheduler", {}],
    ["pndm", "PNDMScheduler", {}],
    ["plms", "PNDMScheduler", { skip_prk_steps: true }],
    ["Euler", "EulerDiscreteScheduler", { use_karras_sigmas: false }],
    ["k_euler", "EulerDiscreteScheduler", {}],
    ["Euler Karras", "EulerDiscreteScheduler", { use_karras_sigmas: true }],
    ["euler_a", "EulerAncestralDiscreteScheduler", {}],
    ["Euler a", "EulerAncestralDiscreteScheduler", {}],
    ["k_euler_a", "EulerAncestralDiscreteScheduler", {}],
    ["k_euler_ancestral", "EulerAncestralDiscreteScheduler", {}],
    [
      "DPM++ 2M",
      "DPMSolverMultistepScheduler",
      { algorithm_type: "dpmsolver++", solver_order: 2, use_karras_sigmas: false },
    ],
    ["dpm++2m karras", "DPMSolverMultistepScheduler", { algorithm_type: "dpmsolver++", use_karras_sigmas: true }],
    ["k_dpmpp_2m", "DPMSolverMultistepScheduler", { algorithm_type: "dpmsolver++" }],
    ["DPM++ 2M SDE", "DPMSolverMultistepScheduler", { algorithm_type: "sde-dpmsolver++", use_karras_sigmas: false }],
    [
      "dpmpp_2m_sde_karras",
      "DPMSolverMultistepScheduler",
      { algorithm_type: "sde-dpmsolver++", use_karras_sigmas: true },
    ],
    ["DPM++ 3M", "DPMSolverMultistepScheduler", { solver_order: 3 }],
    ["UniPC", "UniPCMultistepScheduler", { use_karras_sigmas: false }],
    ["unipc_karras", "UniPCMultistepScheduler", { use_karras_sigmas: true }],
    ["Heun", "HeunDiscreteScheduler", { use_karras_sigmas: false }],
    ["k_heun_karras", "HeunDiscreteScheduler", { use_karras_sigmas: true }],
    ["LCM", "LCMScheduler", {}],
  ])("%s is %s with %j", (request, name, implied) => {
    expect(resolveScheduler(request, SD15)).toMatchObject({ name, ...implied, beta_start: 0.00085 });
    expect(resolveScheduler({ name: request }, SD15)).toEqual(resolveScheduler(request, SD15));
  });

  test("every name in the list is taken", () => {
    for (const name of schedulerNames()) expect(resolveScheduler(name, SD15).name).toMatch(/Scheduler$/);
  });

  test("a class name leaves Karras sigmas to the model, a short name does not", () => {
    expect(resolveScheduler("DPMSolverMultistepScheduler", DPM)).toMatchObject({ use_karras_sigmas: true });
    expect(resolveScheduler("dpm++ 2m", DPM)).toMatchObject({ use_karras_sigmas: false });
  });

  test.each([
    ["dmp++ 2m", 'did you mean "dpm++ 2m"?'],
    ["EulerDiscretScheduler", 'did you mean "EulerDiscreteScheduler"?'],
    ["__proto__", "there is no scheduler"],
    ["constructor", "there is no scheduler"],
    ["", "possible: DDIMScheduler, PNDMScheduler"],
    ["x".repeat(1000), "xxx…"],
  ])("%s is unknown: %s", (name, message) => {
    const [issue, ...more] = issuesOf(name);
    expect(more).toEqual([]);
    expect(issue).toMatchObject({ pointer: "/scheduler", detail: expect.stringContaining(message) });
    expect(issuesOf({ name })[0]).toMatchObject({ pointer: "/scheduler/name" });
  });

  test("an object must say a name", () => {
    expect(issuesOf({ use_karras_sigmas: true })).toMatchObject([{ pointer: "/scheduler/name" }]);
    expect(issuesOf({ name: 3 })).toMatchObject([{ pointer: "/scheduler/name" }]);
  });
});

describe("options, as in diffusers' from_config", () => {
  test("the request's go before the short name's, those before the model's, those before the defaults", () => {
    const model = { ...DPM, solver_order: 3, timestep_spacing: "trailing" };
    expect(resolveScheduler("DPMSolverMultistepScheduler", model)).toMatchObject({ solver_order: 3 });
    expect(resolveScheduler("dpm++ 2m", model)).toMatchObject({ solver_order: 2, timestep_spacing: "trailing" });
    const request = { name: "dpm++ 2m", solver_order: 1, timestep_spacing: "linspace" };
    expect(resolveScheduler(request, model)).toMatchObject({ solver_order: 1, timestep_spacing: "linspace" });
    expect(resolveScheduler("dpm++ 2m", SD15)).toMatchObject({ timestep_spacing: "linspace", steps_offset: 1 });
  });

  test("solver types of one family are read as the usual one of another", () => {
    expect(resolveScheduler("unipc", DPM)).toMatchObject({ solver_type: "bh2" });
    const deis = { ...DPM, name: "DEISMultistepScheduler", algorithm_type: "deis", solver_type: "logrho" };
    const expected = { algorithm_type: "dpmsolver++", solver_type: "midpoint" };
    expect(resolveScheduler("DPMSolverMultistepScheduler", deis)).toMatchObject(expected);
  });

  test("the answer can be sent back as a request, and as JSON", () => {
    for (const request of ["ddim", "dpm++ 2m sde karras", "unipc", "euler", "lcm", "pndm", "euler a"]) {
      const config = resolveScheduler(request, DPM);
      expect(resolveScheduler(JSON.parse(JSON.stringify(config)), DPM)).toEqual(config);
      expect(scheduleOf(config, 7).timesteps.length).toBeGreaterThanOrEqual(7);
    }
  });

  test.each([
    [{ name: "ddim", use_karas_sigmas: true }, "/scheduler/use_karas_sigmas", "DDIMScheduler has no such option"],
    [{ name: "euler", use_karas_sigmas: true }, "/scheduler/use_karas_sigmas", 'did you mean "use_karras_sigmas"?'],
    [{ name: "euler", "a/b~c": 1 }, "/scheduler/a~1b~0c", "possible: num_train_timesteps, beta_start"],
    [JSON.parse('{"name": "euler", "__proto__": {}}'), "/scheduler/__proto__", "no such option"],
    [{ name: "euler", use_karras_sigmas: "yes" }, "/scheduler/use_karras_sigmas", 'wants true or false, found "yes"'],
    [{ name: "euler", use_beta_sigmas: true }, "/scheduler/use_beta_sigmas", "wants only false, found true"],
    [{ name: "euler", beta_start: Number.NaN }, "/scheduler/beta_start", "found NaN"],
    [
      { name: "euler", num_train_timesteps: 1e12 },
      "/scheduler/num_train_timesteps",
      "wants a whole number from 2 to 100000",
    ],
    [{ name: "unipc", disable_corrector: [0] }, "/scheduler/disable_corrector", "wants only [], found [0]"],
    [{ name: "ddim", thresholding: true }, "/scheduler/thresholding", "wants only false, found true"],
    [
      { name: "dpm++ 2m sde", solver_order: 3 },
      "/scheduler/solver_order",
      'algorithm_type "sde-dpmsolver++" wants 1 or 2, found 3',
    ],
    [
      { name: "dpm++ 2m", algorithm_type: "dpmsolver" },
      "/scheduler/name",
      'cannot take final_sigmas_type: algorithm_type "dpmsolver" wants "sigma_min", found "zero"',
    ],
    [
      { name: "ddim", rescale_betas_zero_snr: true, timestep_spacing: "trailing" },
      "/scheduler/rescale_betas_zero_snr",
      'with prediction_type "epsilon" the first step would divide by zero',
    ],
  ])("%j is refused at %s", (request, pointer, message) => {
    expect(issuesOf(request)).toMatchObject([{ pointer, detail: expect.stringContaining(message) }]);
  });

  const LINEAR = { beta_schedule: "linear", timestep_spacing: "leading", rescale_betas_zero_snr: false };

  test.each(SCHEDULERS.map(({ className }) => className))(
    "betas of which no noise can be made are refused (%s)",
    (name) => {
      const model = { ...SD15, ...LINEAR };
      const pointerOf = (betas: object) => issuesOf({ name, ...betas }, model).map(({ pointer }) => pointer);
      expect(pointerOf({ beta_start: 0, beta_end: 0 })).toEqual(["/scheduler/beta_start"]);
      expect(pointerOf({ beta_start: 0 })).toEqual(["/scheduler/beta_start"]);
      expect(pointerOf({ beta_start: 1e-9, beta_end: 1e-9 })).toEqual(["/scheduler/beta_start"]);
      expect(pointerOf({ beta_start: Number.NaN })).toEqual(["/scheduler/beta_start"]);
      expect(pointerOf({ beta_start: 0.02, beta_end: 0 })).toEqual(["/scheduler/beta_end"]);
      expect(pointerOf({ beta_end: 0.999 })).toEqual(["/scheduler/beta_end"]);
      expect(pointerOf({ beta_end: 1.5 })).toEqual(["/scheduler/beta_end"]);
      expect(pointerOf({ beta_start: -0.1 })).toEqual(["/scheduler/beta_start"]);
      expect(resolveScheduler({ name, beta_start: 0.02, beta_end: 0.0001 }, model)).toMatchObject({ beta_start: 0.02 });
    },
  );

  test("betas that the model's own file has wrong are said to come from it", () => {
    expect(() => resolveScheduler(undefined, { ...SD15, ...LINEAR, beta_start: 0, beta_end: 0 })).toThrow(
      "scheduler_config.json: beta_start of PNDMScheduler is too small: training step 0 adds no noise",
    );
  });

  test("all unknown options are named at once", () => {
    expect(issuesOf({ name: "ddim", a: 1, b: 2 }).map(({ pointer }) => pointer)).toEqual([
      "/scheduler/a",
      "/scheduler/b",
    ]);
  });

  test("an option of the model's that the wished scheduler cannot follow is said to come from the model", () => {
    const detail = expect.stringContaining(
      "PNDMScheduler cannot take prediction_type (from the model's scheduler_config.json)",
    );
    expect(issuesOf("pndm", { ...DPM, prediction_type: "sample" })).toMatchObject([{ pointer: "/scheduler", detail }]);
  });
});

test("a number of steps that the scheduler cannot make is refused at its field", () => {
  expect(resolveSchedule(SD15, 20).timesteps).toHaveLength(21);
  expect(() => resolveSchedule({ ...SD15, skip_prk_steps: false }, 3)).toThrow(InvalidRequest);
  expect(() => resolveSchedule({ ...SD15, skip_prk_steps: false }, 3)).toThrow(/^\/num_inference_steps: PNDMScheduler/);
  expect(() => resolveSchedule({ ...SD15, trained_betas: [1] }, 20)).toThrow(
    /^\/scheduler\/trained_betas: wants only null/,
  );
});
