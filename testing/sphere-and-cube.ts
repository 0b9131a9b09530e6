/** What end-to-end tests ask for: the embedded example pictures, the prompt that fits them, and how far answers are apart. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeImage } from "@armature/images";

const example = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../models/examples/${name}.png`, import.meta.url))).toString("base64");

/** A rendered photograph, in base64. */
export const PHOTO = example("purple-sphere-and-orange-cube");

/** The depth that the renderer knows of PHOTO, in base64. */
export const DEPTH = example("purple-sphere-and-orange-cube-depth");

export const PROMPT = "a green sphere and a red cube on a checkered floor under a blue sky";

/** The sum of each pixel's channels, of a picture in base64. */
export async function luma(base64: string): Promise<Float32Array> {
  const { data } = await decodeImage(Buffer.from(base64, "base64"), { maxPixels: 1e6, timeoutS: 10 });
  return Float32Array.from({ length: data.length / 3 }, (_, i) => data[3 * i]! + data[3 * i + 1]! + data[3 * i + 2]!);
}

/** How far apart two pictures in base64 are: the mean difference of a channel, in levels of 255. */
export async function levelsApart(a: string, b: string): Promise<number> {
  const [left, right] = [await luma(a), await luma(b)];
  return left.reduce((sum, value, i) => sum + Math.abs(value - right[i]!), 0) / left.length / 3;
}
