/** Files that are right and were taken for wrong, or the other way round. */
import { readFileSync } from "node:fs";
import type { JpegOptions } from "sharp";
import { describe, expect, test } from "vitest";
import { cpuTimed } from "../../testing/cpu-time.js";
import { decodeImage } from "./decode.js";
import { UnsupportedImage } from "./errors.js";
import { MAX_FRAMES, pictureHeader } from "./picture-header.js";
import { sharp } from "./sharp.js";
import { animatedWebp, bigEndianTiff, gif, restartJpeg, type TiffPage, tiff } from "./testing/odd-pictures.js";

const LIMITS = { maxPixels: 50e6, timeoutS: 30 };
const END = Buffer.from([0xff, 0xd9]);

async function decode(file: Uint8Array) {
  const warnings: string[] = [];
  const image = await decodeImage(file, LIMITS, { onWarning: (text) => warnings.push(text) });
  return { ...image, warnings };
}

const refusal = (file: Uint8Array) =>
  decode(file).then(
    () => "taken",
    (error: unknown) => {
      expect(error).toBeInstanceOf(UnsupportedImage);
      return (error as Error).message;
    },
  );

const SIDE = 128;
const pixels = Buffer.from(
  Array.from({ length: SIDE * SIDE }, (_, i) => [i % 256, (i * 7) % 256, Math.floor(i / SIDE) * 2]).flat(),
);
const astronaut = () => sharp(readFileSync(new URL("../../fixtures/images/astronaut.png", import.meta.url)));
const picture = () => sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } });

describe("a JPEG that ends too soon", () => {
  const KINDS: [name: string, blockLines: number, file: () => Promise<Buffer>][] = [
    ["baseline", 16, () => picture().jpeg({ chromaSubsampling: "4:2:0" }).toBuffer()],
    ["baseline without subsampling", 8, () => picture().jpeg({ chromaSubsampling: "4:4:4" }).toBuffer()],
    ["grey", 8, () => picture().greyscale().jpeg().toBuffer()],
    ["progressive", 16, () => picture().jpeg({ progressive: true }).toBuffer()],
    ["with restart markers", 8, async () => restartJpeg(16, 16, 3)],
    ["rotated by EXIF", 16, () => picture().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
  ];

  test.each(KINDS)("%s: without its last bytes it is taken, and a warning tells", async (_name, blockLines, file) => {
    const whole = await file();
    const { data, warnings } = await decode(whole);
    expect(warnings).toEqual([]);
    for (const lost of [1, 2, 3, 5]) {
      const cut = await decode(whole.subarray(0, -lost));
      expect(cut.warnings).toEqual([expect.stringContaining("lacks its last bytes")]);
      if (lost <= 2) expect(Buffer.compare(cut.data, data)).toBe(0);
      if (_name === "rotated by EXIF") continue; // its last lines are the left ones
      const certain = (SIDE - blockLines - 1) * SIDE * 3;
      expect(Buffer.compare(cut.data.subarray(0, certain), data.subarray(0, certain))).toBe(0);
    }
  });

  test.each(KINDS)(
    "%s: cut in the middle it is refused, with an end marker and without",
    async (_name, _lines, file) => {
      const whole = await file();
      for (const share of [0.5, 0.7, 0.85]) {
        const cut = whole.subarray(0, Math.floor(whole.length * share));
        for (const hidden of [cut, Buffer.concat([cut, END])]) {
          expect(await refusal(hidden)).toMatch(/^This JPEG is cut off or damaged/);
        }
      }
    },
  );

  test.each([
    ["one row of four blocks", 64, 16, 0.5],
    ["one row of four blocks", 64, 16, 0.9],
    ["one row of blocks", 300, 16, 0.5],
    ["one row of blocks", 300, 16, 0.9],
    ["two rows of blocks", 256, 32, 0.7],
    ["two rows of blocks", 256, 32, 0.9],
  ])(
    "%s, %ix%i, cut at %d of its bytes is refused; without its end marker it is taken",
    async (_name, width, height, share) => {
      const settings: JpegOptions[] = [{}, { chromaSubsampling: "4:4:4" }, { progressive: true }];
      for (const options of settings) {
        const whole = await astronaut().resize(width, height, { fit: "fill" }).jpeg(options).toBuffer();
        const cut = whole.subarray(0, Math.floor(whole.length * share));
        for (const hidden of [cut, Buffer.concat([cut, END])]) {
          expect(await refusal(hidden)).toMatch(/^This JPEG is cut off or damaged/);
        }
        const { data, warnings } = await decode(whole.subarray(0, -2));
        expect(Buffer.compare(data, (await decode(whole)).data)).toBe(0);
        expect(warnings).toEqual([expect.stringContaining("lacks its last bytes")]);
      }
    },
  );

  test.each([
    ["4:2:0", {}],
    ["4:4:4", { chromaSubsampling: "4:4:4" }],
    ["progressive", { progressive: true }],
  ])("%s: a hole of 3 % in the middle is refused", async (_name, options) => {
    const whole = await astronaut().jpeg(options).toBuffer();
    const taken: number[] = [];
    // libjpeg does not notice the one at 80 % of the progressive file
    for (let percent = 20; percent < 80; percent += 5) {
      const at = Math.floor((whole.length * percent) / 100);
      const rest = whole.subarray(at + Math.floor(0.03 * whole.length));
      if ((await refusal(Buffer.concat([whole.subarray(0, at), rest]))) === "taken") taken.push(percent);
    }
    expect(taken).toEqual([]);
  });

  test("a progressive one that lacks whole scans is refused, though it ends with an end marker", async () => {
    const whole = await picture().jpeg({ progressive: true }).toBuffer();
    const lastScan = whole.lastIndexOf(Buffer.from([0xff, 0xc4])); // its Huffman table comes first
    const cut = Buffer.concat([whole.subarray(0, lastScan), END]);
    expect(await refusal(cut)).toMatch(/^This JPEG is cut off or damaged/);
  });

  test("bytes between its data and its end do no harm", async () => {
    const whole = await picture().jpeg().toBuffer();
    const odd = Buffer.concat([whole.subarray(0, -2), Buffer.from([1, 2, 3]), END]);
    const { data, warnings } = await decode(odd);
    expect([Buffer.compare(data, (await decode(whole)).data), warnings]).toEqual([0, []]);
  });
});

describe("levels of a TIFF", () => {
  const page = (changes: Partial<TiffPage>): TiffPage => ({
    ...{ width: 2, height: 1, bits: 8, colours: 1, channels: 1, data: Buffer.from([0, 255]) },
    ...changes,
  });
  const levels = (numbers: { buffer: ArrayBufferLike }) => Buffer.from(numbers.buffer);

  test.each([
    ["16 bits", page({ bits: 16, data: levels(Uint16Array.of(0x1234, 0xffff)) }), [0x12, 0x12, 0x12, 255, 255, 255]],
    ["8 bits", page({}), [0, 0, 0, 255, 255, 255]],
    ["white at 0", page({ colours: 0 }), [255, 255, 255, 0, 0, 0]],
    // L* 50.0 without a and b is grey 119 in sRGB
    [
      "16-bit CIELAB",
      page({ bits: 16, colours: 8, channels: 3, width: 1, data: levels(Uint16Array.of(32768, 0, 0)) }),
      [119, 119, 119],
    ],
  ])("of %s are taken", async (_name, file, expected) => {
    expect([...(await decode(tiff(file))).data]).toEqual(expected);
  });

  test.each([
    ["32-bit floating point levels", page({ bits: 32, format: 3, data: levels(Float32Array.of(0, 1)) })],
    [
      "32-bit floating point levels",
      page({ bits: 32, format: 3, colours: 2, channels: 3, data: levels(new Float32Array(6)) }),
    ],
    ["64-bit floating point levels", page({ bits: 64, format: 3, data: levels(Float64Array.of(0, 1)) })],
    ["32-bit signed integer levels", page({ bits: 32, format: 2, data: levels(Int32Array.of(0, 1e9)) })],
    ["16-bit signed integer levels", page({ bits: 16, format: 2, data: levels(Int16Array.of(-5, 1000)) })],
    ["32-bit levels", page({ bits: 32, data: levels(Uint32Array.of(0, 1e9)) })],
    ["12-bit levels", page({ bits: 12, data: Buffer.from([0, 15, 255]) })],
    ["CIELAB colours of 8 bits", page({ colours: 8, channels: 3, data: Buffer.from([128, 0, 0, 200, 60, 196]) })],
    ["colours of kind 9 (PhotometricInterpretation)", page({ colours: 9, channels: 3, data: Buffer.alloc(6) })],
  ])("that are %s are refused by name", async (name, file) => {
    expect(await refusal(tiff(file))).toBe(
      `This TIFF holds ${name}; save it as grey, RGB or CMYK of 8 or 16 bits a channel`,
    );
  });
});

describe.each([
  ["BYTE", 1, 1],
  ["SBYTE", 6, 1],
  ["SHORT", 3, 2],
  ["SSHORT", 8, 2],
  ["LONG", 4, 4],
  ["SLONG", 9, 4],
  ["LONG8", 16, 8],
] as const)("the sample format of a big-endian TIFF as %s", (_name, type, bytes) => {
  test("is read: signed levels are refused by name, unsigned ones taken", async () => {
    expect(await refusal(bigEndianTiff([-5, 1000, 32767], 2, type, bytes))).toMatch(
      /^This TIFF holds 16-bit signed integer levels/,
    );
    const { data } = await decode(bigEndianTiff([0x1234, 0xffff], 1, type, bytes));
    expect([...data]).toEqual([0x12, 0x12, 0x12, 255, 255, 255]);
  });
});

test("the profile of a CMYK picture is used", async () => {
  const ink = { width: 1, height: 1, bits: 8, colours: 5, channels: 4, data: Buffer.from([255, 0, 0, 0]) };
  const [r, g, b] = (await decode(tiff(ink))).data;
  expect(r).toBeLessThan(Math.min(g!, b!)); // cyan, by the profile that libvips brings
  const odd = (await decode(tiff({ ...ink, profile: inkProfile() }))).data;
  expect(Math.max(...odd) - Math.min(...odd)).toBeLessThanOrEqual(3);
  expect(Math.abs(odd[0]! - 119)).toBeLessThanOrEqual(3);
});

test.each([
  [
    [3000, 2000],
    [1, 1],
  ],
  [
    [640, 480],
    [30, 20],
  ],
  [
    [2049, 10],
    [2049, 10],
  ],
  [
    [100, 50],
    [100, 50],
  ],
] as const)("a GIF has its canvas of %j, though its frame is %j; what is not drawn is white", async (canvas, frame) => {
  const { width, height, data } = await decode(gif([...canvas], [...frame]));
  expect([width, height]).toEqual(canvas);
  const at = (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
  expect(at(frame[0] - 1, frame[1] - 1)).toEqual([208, 32, 48]);
  if (frame[0] < width) expect([at(frame[0], 0), at(width - 1, height - 1)]).toEqual(Array(2).fill([255, 255, 255]));
});

const grey = { width: 1, height: 1, bits: 8, colours: 1, channels: 1, data: Buffer.from([9]) };
const MANY: [format: string, parts: string, file: (frames: number) => Promise<Buffer>][] = [
  ["WebP", "frames", async (frames) => animatedWebp(await onePixel().webp({ lossless: true }).toBuffer(), 16, frames)],
  ["GIF", "frames", async (frames) => gif([16, 16], [1, 1], frames)],
  ["TIFF", "pages", async (frames) => tiff(grey, frames)],
];
const onePixel = () => sharp({ create: { width: 1, height: 1, channels: 3, background: "#d02030" } });

test.each(MANY)("80,000 frames of a %s are refused before anything is decoded", async (format, parts, file) => {
  const many = await file(80_000);
  const [message, cpuMs] = await cpuTimed(() => refusal(many));
  expect(message).toBe(`This ${format} has more than ${MAX_FRAMES} ${parts}; send the first one alone`);
  expect(cpuMs).toBeLessThan(500); // decoding takes 14 s
  const few = await file(3);
  expect(pictureHeader(few)).toMatchObject({ format, frames: 3 });
  expect((await decode(few)).width).toBe(pictureHeader(few).width);
});

/** An ICC profile (version 2) in which cyan, magenta and yellow are L* 50 without colour, alone or together; black is black. */
function inkProfile(): Buffer {
  const lut = Buffer.concat([
    Buffer.from("mft1\0\0\0\0"),
    Buffer.from([4, 3, 2, 0]),
    Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 1].flatMap((one) => [0, one, 0, 0])),
    ...Array(4).fill(Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
    ...Array.from({ length: 16 }, (_, i) => Buffer.from([i % 2 === 0 ? 127 : 0, 128, 128])),
    ...Array(3).fill(Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
  ]);
  const white = Buffer.from("XYZ \0\0\0\0\0\0\xf6\xd6\0\x01\0\0\0\0\xd3\x2d", "latin1");
  const text = Buffer.concat([Buffer.from("text\0\0\0\0none"), Buffer.alloc(4)]);
  const tags: [string, Buffer][] = [
    ["A2B0", Buffer.concat([lut, Buffer.alloc((4 - (lut.length % 4)) % 4)])],
    ["wtpt", white],
    ["cprt", text],
  ];
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length);
  let at = 128 + table.length;
  for (const [i, [name, data]] of tags.entries()) {
    table.write(name, 4 + 12 * i, "latin1");
    table.writeUInt32BE(at, 8 + 12 * i);
    table.writeUInt32BE(data.length, 12 + 12 * i);
    at += data.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at);
  header.write("lcms\x02\x40\0\0prtrCMYKLab ", 4, "latin1");
  header.write("acsp", 36, "latin1");
  header.write("\0\0\xf6\xd6\0\x01\0\0\0\0\xd3\x2d", 68, "latin1");
  return Buffer.concat([header, table, ...tags.map(([, data]) => data)]);
}
