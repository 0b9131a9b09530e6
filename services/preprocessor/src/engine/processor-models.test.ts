/** What MODELS_DIR may hold, and what of it ends the start. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LeftOut } from "@armature/weights";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { expectAllCame, justAfter, justBefore } from "../../../../testing/intrusion.js";
import { PROCESSORS } from "../annotators/index.js";
import { type ModelChoice, readProcessorModels, servedProcessors } from "./processor-models.js";

vi.mock(import("node:fs"), async (original) =>
  (await import("../../../../testing/intrusion.js")).watched(await original()),
);

const TINY = fixturePath("../models/depth-dpt-tiny");

let modelsDir: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), "armature-models-"));
});
afterEach(() => {
  rmSync(modelsDir, { recursive: true, force: true });
  expectAllCame();
});

const readWith = (choices: ModelChoice[]) => readProcessorModels({ processors: PROCESSORS, modelsDir, choices });
const read = () => readWith([]);
const depthModel = (...choices: ModelChoice[]) => readWith(choices).depth_midas!.depth!;
const chosen = (model: string, variable = "DEPTH_MODEL") => ({ processor: "depth_midas", model, variable });

/** Reads the models with one that is chosen, which ends the start where it cannot work. */
const readModel = () => readWith([chosen("model")]);

/** A copy of the embedded model with some keys of a file changed. */
function place(id: string, file = "config.json", change: object = {}): void {
  const folder = join(modelsDir, id);
  cpSync(TINY, folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, file), "utf8")) as object;
  writeFileSync(join(folder, file), JSON.stringify({ ...config, ...change }));
}

test("without a depth model, the processors that need one are not served", () => {
  mkdirSync(join(modelsDir, "other"));
  writeFileSync(join(modelsDir, "other/config.json"), "no JSON");
  symlinkSync("nowhere", join(modelsDir, "broken-link"));
  symlinkSync("circle", join(modelsDir, "circle"));
  expect(read()).toEqual({ canny: {} });
  expect(servedProcessors(PROCESSORS, read()).map(({ id }) => id)).toEqual(["canny"]);
});

test("the first model by name is the default, the embedded one goes before it, the chosen one before both", () => {
  place("b/second");
  place("a/first");
  expect(depthModel().id).toBe("a/first");
  place("depth-dpt-tiny");
  expect(depthModel()).toMatchObject({ id: "depth-dpt-tiny", folder: join(modelsDir, "depth-dpt-tiny") });
  expect(depthModel(chosen("b/second")).id).toBe("b/second");
});

test.each<[ModelChoice[], string]>([
  [[chosen("c")], "DEPTH_MODEL: c is no DPT model under MODELS_DIR; there is a/first"],
  [[chosen("c", "PROCESSOR_MODELS")], "PROCESSOR_MODELS: c is no DPT model under MODELS_DIR; there is a/first"],
  [
    [{ ...chosen("a/first", "PROCESSOR_MODELS"), processor: "canny" }],
    "PROCESSOR_MODELS: canny is no processor that uses a model; there is depth_midas",
  ],
  [
    [chosen("a/first", "PROCESSOR_MODELS"), chosen("a/first")],
    "DEPTH_MODEL: the model of depth_midas is chosen already, by PROCESSOR_MODELS",
  ],
])("the choice %j ends the start", (choices, message) => {
  place("a/first");
  expect(() => readWith(choices)).toThrow(message);
});

test.each([
  ["a look at it", "statSync", /going$/],
  ["its configuration is opened", "openSync", /going\/config\.json$/],
])("a model that another process prunes before %s is not there", (_moment, call, path) => {
  place("depth-dpt-tiny");
  place("going");
  justBefore(call, path, () => rmSync(join(modelsDir, "going"), { recursive: true }));
  expect(depthModel().id).toBe("depth-dpt-tiny");
});

test("a folder that another process prunes before it is listed holds nothing", () => {
  place("depth-dpt-tiny");
  const going = join(modelsDir, "going");
  mkdirSync(going);
  justBefore("readdirSync", /going$/, () => rmSync(going, { recursive: true }));
  expect(depthModel().id).toBe("depth-dpt-tiny");
});

test("a folder whose place a file takes before it is listed holds nothing", () => {
  const going = join(modelsDir, "going");
  mkdirSync(going);
  justAfter("statSync", /going$/, () => {
    rmSync(going, { recursive: true });
    writeFileSync(going, "");
  });
  expect(read()).toEqual({ canny: {} });
});

test("the weights of the selected model that go before they are opened end the start by their name", () => {
  place("model");
  const weights = join(modelsDir, "model/model.safetensors");
  justBefore("realpathSync", /model\/model\.safetensors$/, () => unlinkSync(weights));
  expect(readModel).toThrow(/models?.*: no weights; one of .*model\.safetensors/);
  place("model");
  justAfter("realpathSync", /model\/model\.safetensors$/, () => unlinkSync(weights));
  expect(readModel).toThrow(/model\.safetensors: cannot be opened \(ENOENT\)/);
});

test("the bytes are what the weights take in float32", () => {
  symlinkSync(TINY, join(modelsDir, "linked"));
  const fileBytes = readFileSync(join(TINY, "model.safetensors")).length;
  const { bytes } = depthModel();
  expect(bytes / fileBytes).toBeGreaterThan(1.9); // the file holds float16, and a header
  expect(bytes / fileBytes).toBeLessThan(2);
});

test("a tensor that is missing ends the start by its name", () => {
  place("model", "config.json", { num_hidden_layers: 5 });
  expect(readModel).toThrow(/dpt\.encoder\.layer\.4\.layernorm_before\.weight is missing/);
});

test.each([
  [{ size: { height: 100, width: 128 } }, /ensure_multiple_of 16/],
  [{ keep_aspect_ratio: true }, /ensure_multiple_of 16/],
  [{ ensure_multiple_of: 24 }, /ensure_multiple_of 16/],
  [{ do_resize: false }, /do_resize with ensure_multiple_of 16/],
  [{ resample: 0 }, /resample is 0/],
])("a preprocessor_config.json that has %o does not fit", (change, words) => {
  place("model", "preprocessor_config.json", change);
  expect(readModel).toThrow(words);
});

test("pictures may keep their aspect ratio where their sides become multiples of the patch", () => {
  place("model", "preprocessor_config.json", { keep_aspect_ratio: true, ensure_multiple_of: 32 });
  expect(depthModel().id).toBe("model");
});

test("a folder with a config.json that cannot be read is left out with the reason; where it is chosen it ends the start", () => {
  place("broken");
  place("whole");
  writeFileSync(join(modelsDir, "broken/config.json"), "{");
  mkdirSync(join(modelsDir, "pipeline/unet"), { recursive: true });
  for (const file of ["model_index.json", "unet/config.json"]) writeFileSync(join(modelsDir, "pipeline", file), "{");
  const left: LeftOut[] = [];
  const search = { processors: PROCESSORS, modelsDir, leaveOut: (model: LeftOut) => left.push(model) };
  expect(readProcessorModels({ ...search, choices: [] }).depth_midas!.depth!.id).toBe("whole");
  expect(left).toEqual([{ id: "broken", reason: "config.json: cannot be read as JSON" }]);
  expect(() => readWith([chosen("broken")])).toThrow(/broken\/config\.json: cannot be read as JSON/);
});

test("a found model that cannot work is left out, and the next one is taken; a chosen one ends the start", () => {
  place("depth-dpt-tiny", "config.json", { num_hidden_layers: 1e9 });
  place("next");
  const left: LeftOut[] = [];
  const models = readProcessorModels({
    ...{ processors: PROCESSORS, modelsDir, choices: [] },
    leaveOut: (model) => left.push(model),
  });
  expect(models.depth_midas!.depth!.id).toBe("next");
  const reason = "config.json: num_hidden_layers is 1000000000; a positive whole number up to 256 was expected";
  expect(left).toContainEqual({ id: "depth-dpt-tiny", reason });
  expect(() => depthModel(chosen("depth-dpt-tiny"))).toThrow(/depth-dpt-tiny\/config\.json: num_hidden_layers/);
});

test("a processor whose only model cannot work is not served", () => {
  place("depth-dpt-tiny");
  const weights = join(modelsDir, "depth-dpt-tiny/model.safetensors");
  unlinkSync(weights);
  symlinkSync("/dev/zero", weights);
  expect(read()).toEqual({ canny: {} });
});
