/** Tiles beside the whole picture, on the embedded VAE. */
import { TorchGenerator } from "@armature/core";
import { CPU_PROFILE, NCHW_PROFILE } from "@armature/graph";
import type { RgbImage } from "@armature/pixels";
import { beforeAll, describe, expect, test } from "vitest";
import { MODEL, openEmbedded } from "../../../../testing/embedded-pipeline.js";
import { decoderTiles } from "../facts/decoder-tiles.js";
import { vaeDecoderNetwork } from "../networks/vae.js";
import { decodeLatents } from "./decode-latents.js";
import { type TilePlan, tileStarts } from "./tiled-decode.js";

const { bench } = openEmbedded({ profile: CPU_PROFILE, threads: 1 });

/** Smooth latents, as a sampler leaves them: noise of a few cells, enlarged. */
function smoothLatents(side: number): Float32Array {
  const coarse = 6;
  const noise = new TorchGenerator(3).randn(4 * coarse * coarse);
  const data = new Float32Array(4 * side * side);
  const share = (coarse - 1.001) / side;
  for (let c = 0; c < 4; c++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const [top, left] = [Math.floor(y * share), Math.floor(x * share)];
        const [v, u] = [y * share - top, x * share - left];
        const at = (row: number, column: number) => noise[(c * coarse + row) * coarse + column]!;
        const upper = at(top, left) * (1 - u) + at(top, left + 1) * u;
        const lower = at(top + 1, left) * (1 - u) + at(top + 1, left + 1) * u;
        data[(c * side + y) * side + x] = upper * (1 - v) + lower * v;
      }
    }
  }
  return data;
}

/** In levels, as measured (1.14 and 0.843) and a twentieth more. Tiles that do not fade into each other have steps of 1.9 and more. */
const MEAN_DIFFERENCE = 1.2;
const WORST_STEP = 0.885;

describe("a picture in tiles", () => {
  const side = 48;
  const latents = smoothLatents(side);
  const decode = async (tiles?: TilePlan) => {
    const session = await bench.session(MODEL, vaeDecoderNetwork);
    const decoder = { session, config: bench.facts.model(MODEL).configs.vae, tiles };
    const [picture] = await decodeLatents(latents, [1, 4, side, side], decoder);
    return picture!;
  };
  let whole: RgbImage;
  beforeAll(async () => {
    whole = await decode();
  });

  test("has no seam: its steps across tile edges are those of the whole picture", async () => {
    const tiled = await decode({ side: 32, overlap: 8 });
    const differences = tiled.data.map((value, i) => Math.abs(value - whole.data[i]!));
    expect(differences.some((difference) => difference > 0)).toBe(true); // tiles were made
    expect(differences.reduce((a, b) => a + b, 0) / differences.length).toBeLessThan(MEAN_DIFFERENCE);
    expect(worstStep(tiled, whole)).toBeLessThan(WORST_STEP);
  });

  test("has one, which is noticed, where tiles lie beside each other without an overlap", async () => {
    expect(worstStep(await decode({ side: 24, overlap: 0 }), whole)).toBeGreaterThan(2 * WORST_STEP);
  });
});

/** The largest mean difference, over the picture's columns, between the steps from one column to the next of both pictures. */
function worstStep(tiled: RgbImage, whole: RgbImage): number {
  const { width } = whole;
  const steps = (data: Uint8Array, column: number) => columnStep(data, width, column);
  return Math.max(
    ...Array.from({ length: width - 1 }, (_, column) =>
      Math.abs(steps(tiled.data, column) - steps(whole.data, column)),
    ),
  );
}

/** The mean absolute step from a column to the next. */
function columnStep(data: Uint8Array, width: number, column: number): number {
  const rows = data.length / 3 / width;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const at = 3 * (row * width + column);
    for (let c = 0; c < 3; c++) total += Math.abs(data[at + 3 + c]! - data[at + c]!);
  }
  return total / (3 * rows);
}

test.each([
  [48, 32, 8],
  [128, 40, 8],
  [33, 32, 8],
])("tiles of a side of %i cells cover it and overlap", (size, side, overlap) => {
  const starts = tileStarts(size, side, overlap);
  expect(starts[0]).toBe(0);
  expect(starts.at(-1)).toBe(size - side);
  for (const [i, start] of starts.slice(1).entries()) expect(starts[i]! + side - start).toBeGreaterThanOrEqual(overlap);
});

test("a tile of SD's decoder stays below the device's largest tensor", () => {
  const vae = { channels: [128, 256, 512, 512], scale: 8 } as Parameters<typeof decoderTiles>[0];
  const maxTensorBytes = 120 * 2 ** 20;
  const { side } = decoderTiles(vae, { ...NCHW_PROFILE, maxTensorBytes })!;
  expect(side).toBe(40);
  expect(4 * 256 * (8 * side) ** 2).toBeLessThanOrEqual(maxTensorBytes);
  expect(decoderTiles(vae, NCHW_PROFILE)).toBeUndefined();
});
