import { DEFAULT_JPEG_QUALITY } from "@armature/contract";
import type { RgbImage } from "@armature/pixels";
import { expect, test } from "vitest";
import { decodeImage } from "./decode.js";
import { encodeImage } from "./encode.js";
import { sharp } from "./sharp.js";

const LIMITS = { maxPixels: 1e6, timeoutS: 10 };
/** Noise: the hardest content for a lossy format. */
const NOISE: RgbImage = {
  width: 48,
  height: 32,
  data: Uint8Array.from({ length: 48 * 32 * 3 }, (_, i) => (i * 2654435761) >>> 24),
};

test.each([["png"], ["webp"]] as const)("%s without quality keeps every level", async (format) => {
  const file = await encodeImage(NOISE, { format });
  expect((await sharp(file).metadata()).format).toBe(format);
  const { data, width, height } = await decodeImage(file, LIMITS);
  expect([width, height]).toEqual([48, 32]);
  expect(Buffer.compare(data, NOISE.data)).toBe(0);
});

test.each([
  ["png", 1],
  ["webp", 3],
] as const)("grey %s keeps every level in %i channels", async (format, channels) => {
  const grey = { width: 48, height: 96, data: NOISE.data };
  const file = await encodeImage(grey, { format });
  expect((await sharp(file).metadata()).channels).toBe(channels);
  const { data } = await decodeImage(file, LIMITS);
  expect(data.length).toBe(grey.data.length * 3);
  expect(data.every((level, i) => level === grey.data[Math.floor(i / 3)])).toBe(true);
});

test.each([["webp"], ["jpeg"]] as const)("a lower quality makes a smaller and less exact %s", async (format) => {
  const good = await encodeImage(NOISE, { format, quality: 90 });
  const poor = await encodeImage(NOISE, { format, quality: 20 });
  expect((await sharp(good).metadata()).format).toBe(format);
  expect(poor.length).toBeLessThan(good.length * 0.7);
  expect(await meanError(poor)).toBeGreaterThan(await meanError(good));
});

test("JPEG has a default quality and keeps the full resolution of colour", async () => {
  const file = await encodeImage(NOISE, { format: "jpeg" });
  expect(file).toEqual(await encodeImage(NOISE, { format: "jpeg", quality: DEFAULT_JPEG_QUALITY }));
  expect((await sharp(file).metadata()).chromaSubsampling).toBe("4:4:4");
});

test("no metadata is written", async () => {
  for (const format of ["png", "webp", "jpeg"] as const) {
    const { exif, icc, xmp, iptc } = await sharp(await encodeImage(NOISE, { format })).metadata();
    expect([exif, icc, xmp, iptc]).toEqual([undefined, undefined, undefined, undefined]);
  }
});

async function meanError(file: Buffer): Promise<number> {
  const { data } = await decodeImage(file, LIMITS);
  return data.reduce((sum, level, i) => sum + Math.abs(level - NOISE.data[i]!), 0) / data.length;
}
