/** The service with a depth network that is large enough to be worth preparing. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { builtFile } from "@armature/core";
import { decodeImage } from "@armature/images";
import type { RgbImage } from "@armature/pixels";
import { ModelConfig } from "@armature/weights";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { wantedTensors, writeSyntheticModel } from "../../../../scripts/bench/synthetic-weights.js";
import { type ServiceProcess, startService } from "../../../../scripts/services.js";
import { fixtureJson, fixturePath } from "../../../../testing/golden.js";
import { dptNetwork } from "../networks/dpt.js";

const SCENE = readFileSync(fixturePath("embedded/inputs/purple-sphere-and-orange-cube.png"));

/** Levels by which Winograd's form may round otherwise. */
const ROUNDING = 1;

let work: string;
let modelsDir: string;
let cacheDir: string;
let inPlace: RgbImage;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "armature-prepared-"));
  modelsDir = join(work, "models");
  await writeWideModel(join(modelsDir, "wide"));
  inPlace = (await depthOf({ PREPARED_GB: "0", CACHE_DIR: join(work, "unused") })).picture;
  expect(existsSync(join(work, "unused"))).toBe(false);
});
afterAll(() => rmSync(work, { recursive: true }));
beforeEach(() => {
  cacheDir = mkdtempSync(join(work, "cache-"));
});

/** The random model of the fixtures with wider tokens: 25 MB in float32, half of that on the disk. */
async function writeWideModel(folder: string): Promise<void> {
  const random = fixtureJson<Record<string, unknown>>("models/dpt-random/config.json");
  const config = { ...random, hidden_size: 256, intermediate_size: 1024 };
  const dpt = dptNetwork.open(new ModelConfig(folder, config));
  await writeSyntheticModel(folder, "model.safetensors", config, wantedTensors([dpt]));
  const processor = "preprocessor_config.json";
  cpSync(fixturePath(`models/dpt-random/${processor}`), join(folder, processor));
}

const entries = () => readdirSync(join(cacheDir, "prepared/preprocessor"));

/** Starts a service and has one picture made; gives the picture, what the service logged about weights, and whether it was ready all the time. */
async function depthOf(env: Record<string, string> = {}) {
  const lines: string[] = [];
  const settings = { MODELS_DIR: modelsDir, CACHE_DIR: cacheDir, PORT: "0", LOG_LEVEL: "info", ...env };
  const service = await startService("preprocessor", settings, (line) => lines.push(line));
  try {
    while (!(await isReady(service))) await delay(20); // the engine starts
    const asked = askForDepth(service);
    const ready = await readyUntil(service, asked);
    return { picture: await asked, notes: lines.filter((line) => line.includes("weights")), ready };
  } finally {
    await service.stop();
  }
}

async function askForDepth({ url }: ServiceProcess): Promise<RgbImage> {
  const headers = { "content-type": "image/png" };
  const answer = await fetch(`${url}/image/depth_midas`, { method: "POST", headers, body: SCENE });
  const body = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, body.subarray(0, 300).toString()).toBe(200);
  return decodeImage(body, { maxPixels: 1e6, timeoutS: 10 });
}

async function isReady({ url }: ServiceProcess): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).ok;
}

async function readyUntil(service: ServiceProcess, done: Promise<unknown>): Promise<boolean> {
  const answers: boolean[] = [];
  let working = true;
  done.catch(() => {}).finally(() => (working = false));
  while (working) answers.push(await isReady(service));
  return answers.every(Boolean);
}

function expectAsInPlace({ data }: RgbImage): void {
  const worst = data.reduce((most, level, i) => Math.max(most, Math.abs(level - inPlace.data[i]!)), 0);
  expect(worst).toBeLessThanOrEqual(ROUNDING);
  expect(new Set(data).size).toBeGreaterThan(50); // a relief, not a plane
}

test("the first picture makes the prepared form, a later start loads it, and both are as the official file's", async () => {
  const first = await depthOf();
  expect(first.notes).toEqual([expect.stringMatching(/models\/wide: prepared weights made in/)]);
  expect(first.ready).toBe(true);
  const sealed = entries();
  expect(sealed).toHaveLength(1);
  expectAsInPlace(first.picture);
  const second = await depthOf();
  expect(second.notes).toEqual([]);
  expect(entries()).toEqual(sealed);
  expect(second.picture).toEqual(first.picture);
});

test("a prepared form that is damaged is made again", async () => {
  const { picture } = await depthOf();
  const [entry] = entries();
  writeFileSync(join(cacheDir, "prepared/preprocessor", entry!, "graph.onnx"), "not what was made");
  const { notes, picture: again } = await depthOf();
  expect(notes).toEqual([expect.stringContaining("damaged"), expect.stringContaining("made in")]);
  expect(again).toEqual(picture);
});

test("without a folder to write into, the official file is loaded, and one line says so", async () => {
  const file = join(cacheDir, "file");
  writeFileSync(file, "a file where a folder should be");
  const { picture, notes } = await depthOf({ CACHE_DIR: file });
  expect(notes).toEqual([expect.stringMatching(/models\/wide: no prepared weights, loading the official file/)]);
  expect(picture).toEqual(inPlace);
});

test("a limit of its own leaves alone what the diffusion service keeps in the same CACHE_DIR", async () => {
  const other = join(cacheDir, "prepared/diffusion", "0123456789abcdef".repeat(2));
  mkdirSync(other, { recursive: true });
  await depthOf({ PREPARED_GB: "0.001" });
  expect(entries()).toHaveLength(1);
  expect(existsSync(other)).toBe(true);
});

test("npm run prepare-weights makes the form before the service asks for it", async () => {
  const script = builtFile("scripts/dist/prepare-weights.js");
  const env = { ...process.env, MODELS_DIR: modelsDir, CACHE_DIR: cacheDir };
  const output = execFileSync(process.execPath, [script, "--only", "preprocessor"], { env, encoding: "utf8" });
  expect(output).toBe(`wide\n${join(cacheDir, "prepared/preprocessor")}\n`);
  expect(entries()).toHaveLength(1);
  const { notes, picture } = await depthOf();
  expect(notes).toEqual([]);
  expectAsInPlace(picture);
});
