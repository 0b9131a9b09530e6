/**
 * What the fields that save work cost, on the embedded models: distance from the exact pictures, and how the pictures still follow
 * prompt and depth. `SAVINGS_SEEDS=4` takes more pictures and prints the table of docs/performance.md.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { decodeImage } from "@armature/images";
import type { RgbImage } from "@armature/pixels";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, startStack } from "../scripts/services.js";
import { objectColour } from "../testing/object-colour.js";
import { correlation, luma, psnr, ssim } from "../testing/picture-error.js";

/** Least means of a row; some distance below what was measured, far above what a picture that follows nothing has. */
interface Bounds {
  psnr: number;
  ssim: number;
}

const INTERVAL = { guidance_interval: [0.1, 0.8] };

const SAVINGS: [name: string, fields: object, bounds: Bounds][] = [
  ["int8", { precision: "int8" }, { psnr: 44, ssim: 0.995 }],
  ["interval", INTERVAL, { psnr: 28, ssim: 0.965 }],
  ["cache 2", { cache_interval: 2 }, { psnr: 31, ssim: 0.97 }],
  ["cache 3", { cache_interval: 3 }, { psnr: 28, ssim: 0.96 }],
  ["cache 5", { cache_interval: 5 }, { psnr: 24, ssim: 0.93 }],
  ["downsampling 2", { token_downsampling: 2 }, { psnr: 28, ssim: 0.96 }],
  ["downsampling 4", { token_downsampling: 4 }, { psnr: 20, ssim: 0.9 }],
  ["cache 3, interval", { cache_interval: 3, ...INTERVAL }, { psnr: 28, ssim: 0.96 }],
  ["int8, cache 3, interval", { precision: "int8", cache_interval: 3, ...INTERVAL }, { psnr: 28, ssim: 0.96 }],
  ["all", { precision: "int8", cache_interval: 3, token_downsampling: 2, ...INTERVAL }, { psnr: 26, ssim: 0.95 }],
];

/** Share of objects of the colour asked for; and correlation with the control, which pictures without one have at 0.95. */
const COLOURS_RIGHT = 0.8;
const DEPTH_FOLLOWED = 0.97;

const COLOURS = { red: "cube", orange: "cone", yellow: "sphere", green: "cylinder", blue: "sphere", purple: "cube" };

const example = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../models/examples/${name}.png`, import.meta.url))).toString("base64");

const CONTROLLED = [
  { depth: example("green-cone-depth"), prompt: "an orange cone on a wooden floor at night" },
  {
    depth: example("purple-sphere-and-orange-cube-depth"),
    prompt: "a green sphere and a red cube on a checkered floor under a blue sky",
  },
];

const PRINT = process.env.SAVINGS_SEEDS !== undefined;
const SEEDS = Array.from({ length: Number(process.env.SAVINGS_SEEDS ?? 1) }, (_, i) => i + 1);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ env: { LOG_LEVEL: "error" } });
});
afterAll(() => stack.stop());

test("what saves work keeps the pictures near the exact ones, their colours and their depth", {
  timeout: 600_000,
}, async () => {
  const exact = await makeAll({});
  const rows = [summary("exact", exact, exact)];
  for (const [name, fields] of SAVINGS) rows.push(summary(name, await makeAll(fields), exact));
  if (PRINT) {
    console.table(rows);
    const free = await makeAll({ controlnets: [] });
    console.log(`depth without a control: ${mean(free.controlled.map(({ follows }) => follows)).toFixed(3)}`);
  }
  expect(rows[0]).toMatchObject({ psnrLeast: Number.POSITIVE_INFINITY, ssim: 1 });
  for (const [i, [name, , bounds]] of SAVINGS.entries()) {
    const row = rows[i + 1]!;
    expect(row.psnr, `${name} makes other pictures`).toBeLessThan(60);
    expect(row.psnr, `PSNR of ${name}`).toBeGreaterThan(bounds.psnr);
    expect(row.ssim, `SSIM of ${name}`).toBeGreaterThan(bounds.ssim);
  }
  for (const row of rows) {
    expect(row.colours, `colours of ${row.name}`).toBeGreaterThanOrEqual(COLOURS_RIGHT);
    expect(row.depth, `depth of ${row.name}`).toBeGreaterThan(DEPTH_FOLLOWED);
  }
});

interface PictureSets {
  coloured: { picture: RgbImage; right: boolean }[];
  controlled: { picture: RgbImage; follows: number }[];
}

/** Every picture of the set with these fields. */
async function makeAll(fields: object): Promise<PictureSets> {
  const sets: PictureSets = { coloured: [], controlled: [] };
  for (const seed of SEEDS) {
    for (const [colour, shape] of Object.entries(COLOURS)) {
      const prompt = `a ${colour} ${shape} on a grey floor in a white studio`;
      const { picture } = await generate({ prompt, seed, ...fields });
      sets.coloured.push({ picture, right: objectColour(picture) === colour });
    }
    for (const { depth, prompt } of CONTROLLED) {
      const controlnets = [{ type: "depth", image: depth, preprocessor: "none" }];
      const { picture, file } = await generate({ prompt, seed, controlnets, ...fields });
      sets.controlled.push({ picture, follows: correlation(await depthOf(file), luma(await decoded(depth))) });
    }
  }
  return sets;
}

function summary(name: string, sets: PictureSets, exact: PictureSets) {
  const pictures = ({ coloured, controlled }: PictureSets) =>
    [...coloured, ...controlled].map(({ picture }) => picture);
  const pairs = pictures(sets).map((picture, i) => [picture, pictures(exact)[i]!] as const);
  const decibels = pairs.map(([found, wanted]) => psnr(found, wanted));
  const similarities = pairs.map(([found, wanted]) => ssim(found, wanted));
  return {
    name,
    psnr: mean(decibels),
    psnrLeast: Math.min(...decibels),
    ssim: mean(similarities),
    ssimLeast: Math.min(...similarities),
    colours: mean(sets.coloured.map(({ right }) => Number(right))),
    depth: mean(sets.controlled.map(({ follows }) => follows)),
  };
}

async function generate(request: object) {
  const response = await fetch(`${stack.diffusion.url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const answer = (await response.json()) as GenerateResponse;
  expect(response.status, JSON.stringify(answer).slice(0, 300)).toBe(200);
  const file = answer.images[0]!.image;
  return { file, picture: await decoded(file) };
}

/** The depth of a picture's file, as the preprocessor service estimates it. */
async function depthOf(file: string): Promise<Float64Array> {
  const response = await fetch(`${stack.preprocessor.url}/image/depth_midas`, {
    method: "POST",
    headers: { "content-type": "image/png", accept: "image/png" },
    body: Buffer.from(file, "base64"),
  });
  return luma(await decoded(Buffer.from(await response.arrayBuffer()).toString("base64")));
}

function decoded(file: string): Promise<RgbImage> {
  return decodeImage(Buffer.from(file, "base64"), { maxPixels: 1e6, timeoutS: 10 });
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
