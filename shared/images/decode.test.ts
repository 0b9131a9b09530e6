import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ImageTooLarge } from "@armature/core";
import { expect, test } from "vitest";
import { signalChildren } from "../../scripts/child-processes.js";
import { cpuTimed } from "../../testing/cpu-time.js";
import { decodeImage } from "./decode.js";
import { DecoderCrashed, UnsupportedImage } from "./errors.js";
import { sharp } from "./sharp.js";

const LIMITS = { maxPixels: 50e6, timeoutS: 10 };
const WIDTH = 40;
const HEIGHT = 24;
/** Ramps in three directions: every pixel differs, yet lossy formats stay close. */
const PIXELS = Buffer.from(
  Array.from({ length: WIDTH * HEIGHT }, (_, i) => [
    (i % WIDTH) * 6,
    Math.floor(i / WIDTH) * 10,
    255 - (i % WIDTH) * 3,
  ]).flat(),
);

const picture = () => sharp(PIXELS, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
const decode = (bytes: Uint8Array) => decodeImage(bytes, LIMITS);
const golden = (name: string) => readFile(new URL(`../../fixtures/preprocess/hwc3/${name}.png`, import.meta.url));

function largestDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((worst, level, i) => Math.max(worst, Math.abs(level - b[i]!)), 0);
}

const FORMATS: [name: string, file: () => Promise<Buffer>, tolerance: number][] = [
  ["JPEG", () => picture().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(), 3],
  [
    "progressive JPEG",
    () => picture().jpeg({ quality: 100, chromaSubsampling: "4:4:4", progressive: true }).toBuffer(),
    3,
  ],
  ["PNG", () => picture().png().toBuffer(), 0],
  ["interlaced PNG", () => picture().png({ progressive: true }).toBuffer(), 0],
  ["lossless WebP", () => picture().webp({ lossless: true }).toBuffer(), 0],
  ["WebP", () => picture().webp({ quality: 100 }).toBuffer(), 12],
  ["AVIF", () => picture().avif({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(), 12],
  ["GIF", () => picture().gif({ dither: 0 }).toBuffer(), 40],
  ["TIFF", () => picture().tiff({ compression: "lzw" }).toBuffer(), 0],
];

test.each(FORMATS)("%s is decoded to its pixels", async (_name, file, tolerance) => {
  const image = await decode(await file());
  expect([image.width, image.height]).toEqual([WIDTH, HEIGHT]);
  expect(largestDifference(image.data, PIXELS)).toBeLessThanOrEqual(tolerance);
});

test.each(FORMATS)("half a %s is refused as cut off", async (_name, file) => {
  const whole = await file();
  const error = await decode(whole.subarray(0, whole.length >> 1)).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UnsupportedImage);
  expect((error as Error).message).toMatch(/^This (JPEG|PNG|WebP|AVIF|GIF|TIFF) is cut off or damaged/);
});

test.each([
  [
    "SVG",
    '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
    "SVG is not accepted; send JPEG, PNG, WebP, AVIF, GIF or TIFF",
  ],
  [
    "SVG behind an XML declaration",
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "SVG is not accepted",
  ],
  ["PDF", "%PDF-1.7\n1 0 obj", "PDF is not accepted"],
  ["HTML", "<!DOCTYPE html><title>404</title>", "XML or HTML is not accepted"],
  ["PPM", "P6 1 1 255\nabc", "This is not a picture"],
  ["text", "hello", "This is not a picture"],
  ["nothing", "", "The picture is empty"],
  ["a bare PNG signature", "\x89PNG\r\n\x1a\n", "This PNG is cut off or damaged"],
  ["a bare file type box", "\x00\x00\x00\x10ftypavif", "This AVIF is cut off or damaged"],
  ["an empty file type box", "\x00\x00\x00\x00ftyp", "MP4 is not accepted"],
  ["HEIC", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC is not accepted"],
])("%s is refused by name", async (_name, text, message) => {
  const error = await decode(Buffer.from(text, "latin1")).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UnsupportedImage);
  expect((error as Error).message).toContain(message);
});

test("libvips itself does not read SVG, PPM or files, even if the signature check were gone", async () => {
  await expect(
    sharp(Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'/>")).metadata(),
  ).rejects.toThrow();
  await expect(sharp(Buffer.from("P6 1 1 255\nabc", "latin1")).metadata()).rejects.toThrow();
  await expect(
    sharp(new URL("../../fixtures/preprocess/hwc3/grey-in.png", import.meta.url).pathname).metadata(),
  ).rejects.toThrow();
});

test("HEIC's container with AVIF's brand but no picture is refused", async () => {
  const file = Buffer.concat([
    Buffer.from("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", "latin1"),
    Buffer.alloc(64),
  ]);
  await expect(decode(file)).rejects.toThrow(UnsupportedImage);
});

test("20000x20000 pixels in a file of a few bytes are refused from the header: quickly, in little memory, naming both sizes", async () => {
  const bomb = whitePng(20_000, 20_000);
  expect(bomb.length).toBeLessThan(200);
  await decode(await picture().png().toBuffer()); // the first call loads libvips
  const rss = process.memoryUsage().rss;
  const [error, cpuMs] = await cpuTimed(() => decode(bomb).catch((e: unknown) => e));
  expect(cpuMs).toBeLessThan(100);
  expect(process.memoryUsage().rss - rss).toBeLessThan(50e6);
  expect(error).toBeInstanceOf(ImageTooLarge);
  expect((error as Error).message).toBe(
    "The picture has 20000x20000 = 400000000 pixels; at most 50000000 are accepted. Scale it down",
  );
});

test("the pixel limit is inclusive", async () => {
  const file = await picture().png().toBuffer();
  expect((await decodeImage(file, { ...LIMITS, maxPixels: WIDTH * HEIGHT })).width).toBe(WIDTH);
  await expect(decodeImage(file, { ...LIMITS, maxPixels: WIDTH * HEIGHT - 1 })).rejects.toThrow(ImageTooLarge);
});

test("a JPEG with a thousand scans is refused before it keeps the decoder busy", async () => {
  const file = await picture().jpeg({ progressive: true }).toBuffer();
  const lastScan = file.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = file.subarray(lastScan, -2);
  const scans = (n: number) => Buffer.concat([file.subarray(0, lastScan), ...Array(n).fill(scan), file.subarray(-2)]);
  expect((await decode(scans(1))).width).toBe(WIDTH);
  await expect(decode(scans(1000))).rejects.toThrow("This JPEG has more than 100 scans");
});

test("a film appended to a photograph does no harm", async () => {
  const photo = await picture().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
  const film = Buffer.concat([Buffer.from([0x00, 0x02]), Buffer.alloc(2000, Buffer.from([0xff, 0xda, 0x00, 0x02]))]);
  expect(largestDifference((await decode(Buffer.concat([photo, film]))).data, PIXELS)).toBeLessThanOrEqual(3);
});

/** For each EXIF orientation, where the upright picture's pixel (x, y) lies in the stored one. */
const ORIENTATIONS: [orientation: number, stored: (x: number, y: number, w: number, h: number) => [number, number]][] =
  [
    [1, (x, y) => [x, y]],
    [2, (x, y, w) => [w - 1 - x, y]],
    [3, (x, y, w, h) => [w - 1 - x, h - 1 - y]],
    [4, (x, y, _w, h) => [x, h - 1 - y]],
    [5, (x, y) => [y, x]],
    [6, (x, y, _w, h) => [y, h - 1 - x]],
    [7, (x, y, w, h) => [w - 1 - y, h - 1 - x]],
    [8, (x, y, w) => [w - 1 - y, x]],
  ];

test.each(ORIENTATIONS)("EXIF orientation %i is applied", async (orientation, stored) => {
  const image = await decode(await picture().withMetadata({ orientation }).png().toBuffer());
  const size = orientation >= 5 ? [HEIGHT, WIDTH] : [WIDTH, HEIGHT];
  expect([image.width, image.height]).toEqual(size);
  const expected = new Uint8Array(PIXELS.length);
  for (let y = 0, to = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++, to += 3) {
      const [sx, sy] = stored(x, y, WIDTH, HEIGHT);
      const from = (sy * WIDTH + sx) * 3;
      expected.set(PIXELS.subarray(from, from + 3), to);
    }
  }
  expect(largestDifference(image.data, expected)).toBe(0);
});

test.each(["rgba", "grey"])("%s becomes RGB exactly as controlnet_aux's HWC3 makes it", async (name) => {
  const image = await decode(await golden(`${name}-in`));
  const expected = await sharp(await golden(`${name}-out`))
    .raw()
    .toBuffer();
  expect([image.width, image.height]).toEqual([64, 48]);
  expect(largestDifference(image.data, expected)).toBe(0);
});

test("a large picture with alpha is flattened to its last pixel", async () => {
  const size = { width: 2048, height: 1100 };
  const file = await sharp({ create: { ...size, channels: 4, background: { r: 200, g: 0, b: 100, alpha: 0 } } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  const { data } = await decode(file);
  expect(data.length).toBe(2048 * 1100 * 3);
  expect(data.every((level) => level === 255)).toBe(true);
});

test("grey with alpha goes onto white like colour", async () => {
  const pixels = Buffer.from([0, 0, 0, 128, 0, 255, 100, 51]);
  const file = await sharp(pixels, { raw: { width: 4, height: 1, channels: 2 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
  expect((await sharp(file).metadata()).channels).toBe(2);
  const image = await decode(file);
  // 255·(1 − α) + c·α in float32, cut: half-transparent black is 126.99999, 100 at a fifth 224.
  expect([...image.data]).toEqual([255, 126, 0, 224].flatMap((level) => [level, level, level]));
});

test.each([1, 3, 4] as const)("16 bits a value keep their upper 8, with %i channels", async (channels) => {
  const values = Uint16Array.from({ length: 4 * channels }, (_, i) =>
    i % 4 === 3 && channels === 4 ? 65535 : i * 4097 + 200,
  );
  const space = channels === 1 ? "grey16" : "rgb16";
  const file = await sharp(values, { raw: { width: 4, height: 1, channels } })
    .toColourspace(space)
    .png()
    .toBuffer();
  expect((await sharp(file).metadata()).depth).toBe("ushort");
  const upper = [...values].map((value) => value >> 8);
  const expected = Array.from({ length: 4 }, (_, i) =>
    channels === 1 ? Array(3).fill(upper[i]) : upper.slice(i * channels, i * channels + 3),
  );
  expect([...(await decode(file)).data]).toEqual(expected.flat());
});

test("CMYK becomes RGB of about the same colour", async () => {
  const file = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#d02030" } })
    .toColourspace("cmyk")
    .jpeg({ quality: 100 })
    .toBuffer();
  expect((await sharp(file).metadata()).space).toBe("cmyk");
  const [r, g, b] = (await decode(file)).data;
  expect(Math.abs(r! - 0xd0) + Math.abs(g! - 0x20) + Math.abs(b! - 0x30)).toBeLessThan(60);
});

test("a palette with transparency goes onto white", async () => {
  const rgba = Buffer.from([255, 0, 0, 255, 0, 0, 255, 0, 0, 128, 0, 255]);
  const file = await sharp(rgba, { raw: { width: 3, height: 1, channels: 4 } })
    .png({ palette: true })
    .toBuffer();
  expect((await sharp(file).metadata()).isPalette).toBe(true);
  expect([...(await decode(file)).data]).toEqual([255, 0, 0, 255, 255, 255, 0, 128, 0]);
});

test("one bit a pixel becomes black and white", async () => {
  const grey = Buffer.from([0, 255, 255, 0]);
  const file = await sharp(grey, { raw: { width: 4, height: 1, channels: 1 } })
    .tiff({ bitdepth: 1, compression: "none" })
    .toBuffer();
  expect([...(await decode(file)).data]).toEqual([0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0]);
});

test("the first frame of an animation is taken", async () => {
  const frames = Buffer.concat([Buffer.alloc(4 * 4 * 3, 10), Buffer.alloc(4 * 4 * 3, 250)]);
  const animation = () => sharp(frames, { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } });
  for (const file of [await animation().gif().toBuffer(), await animation().webp({ lossless: true }).toBuffer()]) {
    expect((await sharp(file).metadata()).pages).toBe(2);
    const image = await decode(file);
    expect([image.width, image.height, ...new Set(image.data)]).toEqual([4, 4, 10]);
  }
});

test("an embedded RGB profile is ignored, as Pillow does", async () => {
  const file = await sharp({ create: { width: 1, height: 1, channels: 3, background: "#ff2040" } })
    .withIccProfile("p3")
    .png()
    .toBuffer();
  const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
  expect([...stored]).not.toEqual([255, 32, 64]);
  expect([...(await decode(file)).data]).toEqual([...stored]);
});

test("one pixel is a picture", async () => {
  const file = await sharp(Buffer.from([1, 2, 3]), { raw: { width: 1, height: 1, channels: 3 } })
    .png()
    .toBuffer();
  expect(await decode(file)).toMatchObject({ width: 1, height: 1, data: Buffer.from([1, 2, 3]) });
});

test.skipIf(process.platform !== "linux")("a decoder that dies amid a picture costs that one alone", async () => {
  const [large, small] = [await photograph(), await picture().png().toBuffer()];
  const dying = decode(large).catch((e: unknown) => e);
  await signalDecoders("SIGKILL");
  expect(await dying).toBeInstanceOf(DecoderCrashed);
  expect((await decode(small)).width).toBe(WIDTH);
});

test.skipIf(process.platform !== "linux")("a decoder that hangs is ended at the limit", async () => {
  const [large, small] = [await photograph(), await picture().png().toBuffer()];
  const hanging = decodeImage(large, { ...LIMITS, timeoutS: 1 }).catch((e: unknown) => e);
  await signalDecoders("SIGSTOP");
  const error = await hanging;
  expect(error).toBeInstanceOf(UnsupportedImage);
  expect((error as Error).message).toBe("This JPEG could not be decoded within 1 s; send a smaller one");
  expect((await decode(small)).width).toBe(WIDTH);
});

/** Takes a decoder some tenths of a second. */
const photograph = () =>
  sharp({ create: { width: 7000, height: 7000, channels: 3, background: "#d02030" } })
    .jpeg({ progressive: true })
    .toBuffer();

/** Sends a signal to each decoder of this process, as soon as there is one. */
async function signalDecoders(signal: NodeJS.Signals): Promise<void> {
  while (signalChildren(process.pid, /decoder-main/, signal).length === 0) await delay(1);
}

/** A PNG's signature, a header that promises width x height white pixels, and no data. */
function whitePng(width: number, height: number): Buffer {
  const header = Buffer.alloc(25);
  header.writeUInt32BE(13, 0);
  header.write("IHDR", 4, "latin1");
  header.writeUInt32BE(width, 8);
  header.writeUInt32BE(height, 12);
  header.set([8, 2, 0, 0, 0], 16);
  header.writeUInt32BE(crc32(header.subarray(4, 21)), 21);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    header,
    Buffer.from("\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82", "latin1"),
  ]);
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
