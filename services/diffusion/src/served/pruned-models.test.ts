/** MODELS_DIR while another process prunes it. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { expectAllCame, justAfter, justBefore } from "../../../../testing/intrusion.js";
import { readServed } from "../served/served.js";

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

const place = (fixture: string, id: string) =>
  cpSync(fixturePath(`models/${fixture}`), join(modelsDir, id), { recursive: true });
const prune = () => rmSync(going, { recursive: true });
const served = () => {
  const { models, controlnets } = readServed({ modelsDir });
  return [...models, ...controlnets].map(({ id }) => id);
};

test.each([
  ["a look at it", "statSync", /going$/],
  ["a look at what it is", "existsSync", /going\/model_index\.json$/],
])("a model that goes before %s is not there", (_moment, call, path) => {
  place("sd15-random", "going");
  justBefore(call, path, prune);
  expect(served()).toEqual(["staying"]);
});

test.each([
  ["existsSync", /going\/config\.json$/],
  ["readFileSync", /going\/config\.json$/],
])("a ControlNet that goes before %s of its configuration is not there", (call, path) => {
  place("controlnet-sd15-random-a", "going");
  justBefore(call, path, prune);
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
  justBefore("readFileSync", /armature\.json$/, () => unlinkSync(file));
  expect(readServed({ modelsDir }).models[0]!.recommended.num_inference_steps).toBe(50);
});
