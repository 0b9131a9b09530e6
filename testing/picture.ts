/** Picture files of fixtures/ as pixels. */
import { readFileSync } from "node:fs";
import { decodeImage } from "@armature/images";
import type { GreyImage, RgbImage } from "@armature/pixels";
import { expect } from "vitest";
import { fixturePath } from "./golden.js";

/** A fixture as RGB; a grey one has its level three times. */
export function readRgb(path: string): Promise<RgbImage> {
  return decodeImage(readFileSync(fixturePath(path)), { maxPixels: 2 ** 24, timeoutS: 30 });
}

/** The first channel of a fixture. */
export async function readGrey(path: string): Promise<GreyImage> {
  const { data, width, height } = await readRgb(path);
  return { data: data.filter((_, i) => i % 3 === 0), width, height };
}

/** A PNG with as many channels as its file has. */
export function readPng(path: string): Promise<RgbImage | GreyImage> {
  const colourType = readFileSync(fixturePath(path))[25];
  return colourType === 0 ? readGrey(path) : readRgb(path);
}

/** Asserts the same size and the same levels; a failure says how many differ, not all of them. */
export function expectSamePixels(found: RgbImage | GreyImage, golden: RgbImage | GreyImage): void {
  expect([found.width, found.height, found.data.length]).toEqual([golden.width, golden.height, golden.data.length]);
  let differing = 0;
  for (let i = 0; i < golden.data.length; i++) if (found.data[i] !== golden.data[i]) differing++;
  expect(differing, "levels that differ").toBe(0);
}
