import { expect, test } from "vitest";
import { pictureHeader } from "./picture-header.js";
import { sharp } from "./sharp.js";

const picture = (width: number, height: number) =>
  sharp({
    create: { width, height, channels: 3, background: "#d02030", noise: { type: "gaussian", mean: 99, sigma: 30 } },
  });

const FORMATS: [format: string, file: (width: number, height: number) => Promise<Buffer>, progressive?: true][] = [
  ["JPEG", (w, h) => picture(w, h).jpeg().toBuffer()],
  ["JPEG", (w, h) => picture(w, h).jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(), true],
  ["PNG", (w, h) => picture(w, h).png().toBuffer()],
  ["PNG", (w, h) => picture(w, h).png({ progressive: true }).toBuffer(), true],
  ["WebP", (w, h) => picture(w, h).webp().toBuffer()],
  ["WebP", (w, h) => picture(w, h).webp({ lossless: true }).toBuffer()],
  ["WebP", (w, h) => picture(w, h).ensureAlpha(0.5).webp().toBuffer()],
  ["AVIF", (w, h) => picture(w, h).avif({ effort: 0 }).toBuffer()],
  ["GIF", (w, h) => picture(w, h).gif().toBuffer()],
  ["TIFF", (w, h) => picture(w, h).tiff().toBuffer()],
  ["TIFF", (w, h) => picture(w, h).tiff({ tile: true, compression: "jpeg" }).toBuffer()],
];

test.each(FORMATS)("%s says its stored size, and nothing else is read", async (format, file, progressive) => {
  for (const [width, height] of [
    [300, 17],
    [64, 64],
    [1, 1],
  ] as const) {
    const whole = await file(width, height);
    expect(pictureHeader(whole)).toEqual({ format, width, height, frames: 1, progressive });
    const shifted = Buffer.concat([Buffer.from([7]), whole]);
    expect(pictureHeader(new Uint8Array(shifted.buffer, shifted.byteOffset + 1, whole.length)).width).toBe(width);
  }
});

test.each(FORMATS)(
  "%s cut off or changed anywhere is refused by a clear error, or has some size",
  async (_format, file) => {
    const whole = await file(40, 30);
    for (let i = 0; i < whole.length; i += Math.ceil(whole.length / 500)) {
      const changed = Buffer.from(whole);
      changed[i]! ^= 0xff;
      for (const odd of [whole.subarray(0, i), changed]) {
        try {
          expect(pictureHeader(odd).width).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ code: "unsupported-image" });
        }
      }
    }
  },
);

test("a JPEG whose first scan has not all components is progressive, whatever its frame header says", async () => {
  const file = await picture(40, 30).jpeg().toBuffer();
  expect(pictureHeader(file).progressive).toBeUndefined();
  const scan = file.indexOf(Buffer.from([0xff, 0xda]));
  file[scan + 4] = 1;
  expect(pictureHeader(file)).toMatchObject({ width: 40, height: 30, progressive: true });
});
