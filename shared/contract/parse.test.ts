import { InvalidRequest, nearest } from "@armature/core";
import { UnsupportedImage } from "@armature/images";
import { expect, test } from "vitest";
import { z } from "zod";
import { inField, parse } from "./parse.js";

const Control = z.strictObject({
  type: z.enum(["canny", "depth", "openpose"]),
  conditioning_scale: z.number().min(0).max(2).default(1),
});
const Request = z.strictObject({
  prompt: z.string().max(20),
  num_inference_steps: z.int().min(1).max(150).default(20),
  width: z.int().multipleOf(8).optional(),
  seed: z.union([z.int(), z.array(z.int())]).optional(),
  scheduler: z.union([z.string(), z.strictObject({ name: z.string(), beta_start: z.number().optional() })]).optional(),
  controlnets: z.array(Control).max(2).default([]),
});

function issues(value: unknown, schema: z.ZodType = Request) {
  try {
    parse(schema, value);
  } catch (error) {
    if (error instanceof InvalidRequest) return error.issues;
    throw error;
  }
  return [];
}

test("a member that is null is as absent, at every depth", () => {
  const nulls = { num_inference_steps: null, width: null, seed: null, controlnets: null };
  const defaults = { prompt: "a cat", num_inference_steps: 20, controlnets: [] };
  expect(parse(Request, { prompt: "a cat", ...nulls })).toEqual(defaults);
  const deep = {
    prompt: "a cat",
    scheduler: { name: "euler", beta_start: null },
    controlnets: [{ type: "depth", conditioning_scale: null }],
  };
  expect(parse(Request, deep)).toEqual({
    ...defaults,
    scheduler: { name: "euler" },
    controlnets: [{ type: "depth", conditioning_scale: 1 }],
  });
  expect(deep.controlnets[0]).toHaveProperty("conditioning_scale", null); // what was sent is left as it was
});

test("a null that the schema takes stays, beside one that it does not", () => {
  const Options = z.strictObject({ betas: z.union([z.number(), z.null()]), steps: z.number().optional() });
  expect(parse(Options, { betas: null, steps: null })).toEqual({ betas: null });
});

test("thousands of nulls take one more look", () => {
  const names = Array.from({ length: 9_000 }, (_, i) => `field_${i}`);
  const Many = z.strictObject(Object.fromEntries(names.map((name) => [name, z.number().optional()])));
  expect(parse(Many, Object.fromEntries(names.map((name) => [name, null])))).toEqual({});
});

test("a good value comes back with the schema's defaults", () => {
  expect(parse(Request, { prompt: "a cat" })).toEqual({ prompt: "a cat", num_inference_steps: 20, controlnets: [] });
});

test.each([
  [{}, "/prompt", "is required: a string"],
  [{ prompt: 5 }, "/prompt", "wants a string, found 5"],
  [{ prompt: null }, "/prompt", "is required: a string"],
  [null, "", "wants an object, found null"],
  [{ prompt: "a", controlnets: [null] }, "/controlnets/0", "wants an object, found null"],
  [{ prompt: "a", zzz: null }, "/zzz", expect.stringContaining('unknown field "zzz"')],
  [{ prompt: "a", seed: [1, null] }, "/seed/1", "wants a number, found null"],
  [
    { prompt: "a", width: null, height: 5 },
    "/height",
    'unknown field "height"; there are prompt, num_inference_steps, width, seed, scheduler, controlnets',
  ],
  [{ prompt: "a", num_inference_steps: "20" }, "/num_inference_steps", 'wants a number, found "20"'],
  [{ prompt: "a", num_inference_steps: 2.5 }, "/num_inference_steps", "wants a whole number, found 2.5"],
  [{ prompt: "a", num_inference_steps: 151 }, "/num_inference_steps", "wants at most 150, found 151"],
  [{ prompt: "a", num_inference_steps: 0 }, "/num_inference_steps", "wants at least 1, found 0"],
  [{ prompt: "a", width: 100 }, "/width", "wants a multiple of 8, found 100"],
  [{ prompt: "x".repeat(21) }, "/prompt", 'wants at most 20 characters, found "xxxxxxxxxxxxxxxxxxxxx"'],
  [{ prompt: "a", controlnets: {} }, "/controlnets", "wants a list, found an object"],
  [[], "", "wants an object, found a list of 0"],
  [
    { prompt: "a", num_inference_step: 9 },
    "/num_inference_step",
    'unknown field "num_inference_step"; did you mean "num_inference_steps"?',
  ],
  [{ prompt: "a", controlNets: [] }, "/controlNets", 'unknown field "controlNets"; did you mean "controlnets"?'],
  [
    { prompt: "a", zzz: 1 },
    "/zzz",
    'unknown field "zzz"; there are prompt, num_inference_steps, width, seed, scheduler, controlnets',
  ],
  [
    { prompt: "a", controlnets: [{ type: "cany" }] },
    "/controlnets/0/type",
    'wants one of canny, depth, openpose, found "cany"; did you mean "canny"?',
  ],
  [{ prompt: "a", seed: "x" }, "/seed", 'wants a number, found "x"; or wants a list, found "x"'],
  [{ prompt: "a", seed: [1, "y"] }, "/seed/1", 'wants a number, found "y"'],
  [
    { prompt: "a", scheduler: { name: "euler", beta_strt: 1 } },
    "/scheduler/beta_strt",
    'unknown field "beta_strt"; did you mean "beta_start"?',
  ],
  [{ prompt: "a", "a/b~c": 1 }, "/a~1b~0c", expect.stringContaining('unknown field "a/b~c"')],
])("%j is refused at %s", (value, pointer, detail) => {
  expect(issues(value)).toEqual([{ pointer, detail }]);
});

test("every wrong field is reported, up to twenty", () => {
  expect(issues({ prompt: 1, width: "w", stps: 1, controlnets: [{}] }).map(({ pointer }) => pointer)).toEqual([
    "/prompt",
    "/width",
    "/controlnets/0/type",
    "/stps",
  ]);
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field${i}`, i]));
  expect(issues(many).length).toBeLessThanOrEqual(20);
  expect(issues(Array(5_000).fill("x"), z.array(z.number()))).toHaveLength(20);
});

test("a message never repeats a long input", () => {
  const long = "x".repeat(100_000);
  for (const value of [
    { prompt: long },
    { prompt: { long } },
    { prompt: "a", [long]: 1 },
    { prompt: "a", seed: long },
  ]) {
    const [issue] = issues(value);
    expect(issue?.detail.length).toBeLessThan(250);
    expect(issue?.pointer.length).toBeLessThan(100);
  }
});

test("a message of the schema's own goes first", () => {
  const schema = z.object({ a: z.number().refine((a) => a % 2 === 0, "wants an even number") });
  expect(issues({ a: 3 }, schema)).toEqual([{ pointer: "/a", detail: "wants an even number" }]);
});

test("an error from a field's work carries the field, and keeps the one it has", async () => {
  const fail = async () => Promise.reject(new UnsupportedImage("This is no picture"));
  const error = await inField("/image", fail).catch((caught) => caught);
  expect(error).toMatchObject({ code: "unsupported-image", pointer: "/image" });
  const outer = await inField("/outer", () => Promise.reject(error)).catch((caught) => caught);
  expect(outer.pointer).toBe("/image");
  expect(await inField("/image", () => 5)).toBe(5);
});

test("a near name is found, a far one is not", () => {
  const names = ["num_inference_steps", "guidance_scale", "depth", "hed"];
  expect(nearest("numInferenceSteps", names)).toBe("num_inference_steps");
  expect(nearest("guidence_scale", names)).toBe("guidance_scale");
  expect(nearest("detph", names)).toBe("depth");
  expect(nearest("hde", names)).toBe("hed");
  expect(nearest("clip_skip", names)).toBeUndefined();
  expect(nearest("", names)).toBeUndefined();
});
