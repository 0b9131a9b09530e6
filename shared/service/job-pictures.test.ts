import { sharp } from "@armature/images";
import { expect, test } from "vitest";
import { decodingNeeds } from "./job-pictures.js";

const picture = () => sharp({ create: { width: 40, height: 30, channels: 3, background: "#d02030" } });
const LIMITS = { maxPixels: 1_200 };

test.each<[what: string, file: () => Promise<Buffer>, bytesPerPixel: number]>([
  ["JPEG", () => picture().jpeg().toBuffer(), 7],
  ["progressive JPEG", () => picture().jpeg({ progressive: true }).toBuffer(), 11],
  ["PNG", () => picture().png().toBuffer(), 7],
  ["interlaced PNG", () => picture().png({ progressive: true }).toBuffer(), 11],
  ["TIFF", () => picture().tiff().toBuffer(), 7],
  ["GIF", () => picture().gif().toBuffer(), 8],
  ["WebP", () => picture().webp().toBuffer(), 11],
  ["AVIF", () => picture().avif({ effort: 0 }).toBuffer(), 22],
])("decoding a %s needs what its decoder holds for each pixel", async (_what, file, bytesPerPixel) => {
  const bytes = await file();
  expect(decodingNeeds(bytes, LIMITS)).toEqual({ pixels: 1_200, bytes: 1_200 * bytesPerPixel });
  expect(decodingNeeds(bytes, { maxPixels: 1_199 })).toEqual({ pixels: 0, bytes: 0 });
});

test("what is no picture needs nothing: it is refused", () => {
  expect(decodingNeeds(Buffer.from("no picture"), LIMITS)).toEqual({ pixels: 0, bytes: 0 });
});
