/** MODELS_DIR while another process prunes it. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { expectAllCame, justAfter, justBefore } from "../../../../testing/intrusion.js";
import { EMBEDDED_MODELS, linkTokenizer } from "../../../../testing/model-folders.js";
import { readServed } from "./read-served.js";
import { allWeights } from "./served.js";

vi.mock(import("node:fs"), async (original) =>
  (await import("../../../../testing/intrusion.js")).watched(await original()),
);

let modelsDir: string;
let going: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), "armature-pruned-"));
  going = join(modelsDir, "going");
  place("sd15-random", "staying");
});
afterEach(() => {
  rmSync(modelsDir, { recursive: true });
  expectAllCame();
});

function place(fixture: string, id: string): void {
  cpSync(fixturePath(`models/${fixture}`), join(modelsDir, id), { recursive: true });
  if (fixture === "sd15-random") linkTokenizer(join(modelsDir, id), join(EMBEDDED_MODELS, "tiny-sd/tokenizer"));
}
const prune = () => rmSync(going, { recursive: true });
const served = () => {
  return allWeights(readServed({ modelsDir })).map(({ id }) => id);
};

test.each([
  ["a look at it", "statSync", /going$/],
  ["a look at what it is", "existsSync", /going\/model_index\.json$/],
])("a model that goes before %s is not there", (_moment, call, path) => {
  place("sd15-random", "going");
  justBefore(call, path, prune);
  expect(served()).toEqual(["staying"]);
});

test("a ControlNet that goes before its configuration is opened is not there", () => {
  place("controlnet-sd15-random-a", "going");
  justBefore("openSync", /going\/config\.json$/, prune);
  expect(served()).toEqual(["staying"]);
});

test("a folder that goes before it is listed holds nothing", () => {
  mkdirSync(going);
  justBefore("readdirSync", /going$/, prune);
  expect(served()).toEqual(["staying"]);
});

test("a folder whose place a file takes before it is listed holds nothing", () => {
  mkdirSync(going);
  justAfter("statSync", /going$/, () => {
    prune();
    writeFileSync(going, "");
  });
  expect(served()).toEqual(["staying"]);
});

test("a link in a circle leads to no model", () => {
  symlinkSync("circle", join(modelsDir, "circle"));
  expect(served()).toEqual(["staying"]);
});

test("recommendations that go before they are read are none", () => {
  const file = join(modelsDir, "staying/armature.json");
  writeFileSync(file, JSON.stringify({ num_inference_steps: 7 }));
  justBefore("openSync", /armature\.json$/, () => unlinkSync(file));
  expect(readServed({ modelsDir }).models[0]!.recommended.num_inference_steps).toBe(50);
});
