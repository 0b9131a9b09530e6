import { fileURLToPath } from "node:url";
import { InvalidModel } from "@armature/core";
import { expect, test } from "vitest";
import { parseSchedulerConfig, readSchedulerConfig } from "./scheduler-config.js";

const read = (text: string) => parseSchedulerConfig(text, "scheduler_config.json");

test("the embedded model's file is read with its options and without its private keys", () => {
  const file = fileURLToPath(new URL("../../../../models/tiny-sd/scheduler/scheduler_config.json", import.meta.url));
  expect(readSchedulerConfig(file)).toEqual({
    name: "PNDMScheduler",
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    beta_start: 0.00085,
    clip_sample: false,
    num_train_timesteps: 1000,
    prediction_type: "epsilon",
    set_alpha_to_one: false,
    skip_prk_steps: true,
    steps_offset: 1,
    timestep_spacing: "leading",
    trained_betas: null,
  });
});

test("Python's bare Infinity, -Infinity and NaN are numbers", () => {
  const text = '{"_class_name": "X", "lambda_min_clipped": -Infinity, "a": [Infinity, NaN, -1.5e3], "b": {"c": NaN}}';
  expect(read(text)).toEqual({
    name: "X",
    lambda_min_clipped: Number.NEGATIVE_INFINITY,
    a: [Number.POSITIVE_INFINITY, Number.NaN, -1500],
    b: { c: Number.NaN },
  });
});

test("the same words in a text stay text", () => {
  const text = '{"_class_name": "NaN", "a": "-Infinity", "Infinity": "say \\"NaN\\" and \\\\"}';
  expect(read(text)).toEqual({ name: "NaN", a: "-Infinity", Infinity: 'say "NaN" and \\' });
});

test.each([
  ['{"_class_name": "X", "a": nan}'],
  ['{"_class_name": "X", "a": --Infinity}'],
  ['{"_class_name": "X", "a": 1Infinity}'],
  ['{"_class_name": "X", "a": +Infinity}'],
  ['{"_class_name": "X",}'],
  ["{'_class_name': 'X'}"],
  [""],
])("%j is refused as no JSON", (text) => {
  expect(() => read(text)).toThrow(InvalidModel);
  expect(() => read(text)).toThrow("scheduler_config.json: is not JSON");
});

test("a file without a class, and one that holds no object, are refused by name", () => {
  expect(() => read('{"beta_start": 1}')).toThrow("scheduler_config.json: _class_name is undefined, not a name");
  expect(() => read('["a"]')).toThrow("is not a JSON object");
  expect(() => readSchedulerConfig("/nowhere/scheduler_config.json")).toThrow(/cannot be opened \(ENOENT\)/);
});
