/** Pictures that no encoder at hand writes, made byte by byte: for tests and for the table of faults. */

/** A GIF of one colour: `frame` at the canvas's upper left corner, `frames` times. */
export function gif(
  canvas: [width: number, height: number],
  frame: [width: number, height: number],
  frames = 1,
): Buffer {
  const screen = Buffer.from([...uint16s(canvas), 0x80, 0, 0]);
  const colours = Buffer.from([208, 32, 48, 0, 0, 0]);
  const image = Buffer.from([0x2c, 0, 0, 0, 0, ...uint16s(frame), 0, 2, ...flatLzw(frame[0] * frame[1]), 0]);
  const control = Buffer.from([0x21, 0xf9, 4, 0, 1, 0, 0, 0]);
  const all = Array(frames).fill(Buffer.concat([control, image]));
  return Buffer.concat([Buffer.from("GIF89a"), screen, colours, ...all, Buffer.from([0x3b])]);
}

/** Codes of three bits, each pixel its own: a clear code before every second one keeps them that short. */
function flatLzw(pixels: number): number[] {
  const codes = Array.from({ length: pixels }, (_, i) => (i % 2 === 0 ? [4, 0] : [0])).flat();
  const bytes = packed([...codes, 5].map((code) => [code, 3]));
  const blocks: number[] = [];
  for (let at = 0; at < bytes.length; at += 255)
    blocks.push(Math.min(255, bytes.length - at), ...bytes.slice(at, at + 255));
  return blocks;
}

/** Bytes that hold numbers of the given widths one after another, the lowest bits first. */
function packed(numbers: [value: number, bits: number][]): number[] {
  const bytes: number[] = [];
  let [pending, count] = [0, 0];
  for (const [value, bits] of numbers) {
    pending |= value << count;
    for (count += bits; count >= 8; count -= 8, pending >>= 8) bytes.push(pending & 255);
  }
  return count > 0 ? [...bytes, pending & 255] : bytes;
}

/** An animated WebP whose frames have one pixel each; `still` is a WebP of one pixel. */
export function animatedWebp(still: Buffer, side: number, frames: number): Buffer {
  const canvas = Buffer.alloc(10);
  canvas[0] = 2; // animated
  canvas.writeUIntLE(side - 1, 4, 3);
  canvas.writeUIntLE(side - 1, 7, 3);
  const frame = chunk("ANMF", Buffer.concat([Buffer.alloc(12), Buffer.from([1, 0, 0, 0]), still.subarray(12)]));
  const body = Buffer.concat([chunk("VP8X", canvas), chunk("ANIM", Buffer.alloc(6)), ...Array(frames).fill(frame)]);
  return chunk("RIFF", Buffer.concat([Buffer.from("WEBP"), body]));
}

function chunk(type: string, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.write(type, "latin1");
  header.writeUInt32LE(data.length, 4);
  return Buffer.concat([header, data, Buffer.alloc(data.length % 2)]);
}

export interface TiffPage {
  width: number;
  height: number;
  /** BitsPerSample, SampleFormat, PhotometricInterpretation, SamplesPerPixel. */
  bits: number;
  format?: number;
  colours: number;
  channels: number;
  data: Buffer;
  /** An ICC profile. */
  profile?: Buffer;
}

/** A little-endian TIFF of one strip, its page entered `pages` times. */
export function tiff(
  { width, height, bits, format = 1, colours, channels, data, profile }: TiffPage,
  pages = 1,
): Buffer {
  const [dataAt, profileAt] = [8, 8 + data.length];
  const numbersAt = profileAt + (profile?.length ?? 0);
  const numbers = Buffer.from([...Array(channels).fill(uint16(bits)), ...Array(channels).fill(uint16(format))].flat());
  const many = (value: number, at: number): [number, number] =>
    channels > 2 ? [channels, at] : [channels, value * 65537];
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, ...many(bits, numbersAt)],
    [259, 3, 1, 1],
    [262, 3, 1, colours],
    [273, 4, 1, dataAt],
    [277, 3, 1, channels],
    [278, 4, 1, height],
    [279, 4, 1, data.length],
    [339, 3, ...many(format, numbersAt + 2 * channels)],
  ];
  if (profile) entries.push([34675, 7, profile.length, profileAt]);
  const pageBytes = 2 + 12 * entries.length + 4;
  const firstPage = numbersAt + numbers.length;
  const page = (i: number) =>
    Buffer.concat([
      Buffer.from(uint16(entries.length)),
      ...entries.map(([tag, type, count, value]) =>
        Buffer.from([...uint16s([tag, type]), ...uint32(count), ...uint32(value)]),
      ),
      Buffer.from(uint32(i + 1 < pages ? firstPage + (i + 1) * pageBytes : 0)),
    ]);
  const header = Buffer.from([...Buffer.from("II*\0"), ...uint32(firstPage)]);
  return Buffer.concat([
    header,
    data,
    profile ?? Buffer.alloc(0),
    numbers,
    ...Array.from({ length: pages }, (_, i) => page(i)),
  ]);
}

/** A big-endian TIFF of one row of grey pixels, 16 bits each, whose SampleFormat is `format` as a number of `formatBytes` and this field type. */
export function bigEndianTiff(levels: number[], format: number, formatType: number, formatBytes: number): Buffer {
  const long = (value: number) => uint32(value).reverse();
  const formatValue = [...Array(8).fill(0), ...long(format)].slice(-formatBytes);
  const dataAt = 8;
  const formatAt = dataAt + 2 * levels.length;
  const entries: [tag: number, type: number, value: number[]][] = [
    [256, 4, long(levels.length)],
    [257, 4, long(1)],
    [258, 4, long(16)],
    [259, 4, long(1)],
    [262, 4, long(1)],
    [273, 4, long(dataAt)],
    [277, 4, long(1)],
    [279, 4, long(2 * levels.length)],
    [339, formatType, formatBytes > 4 ? long(formatAt) : [...formatValue, 0, 0, 0].slice(0, 4)],
  ];
  return Buffer.from([
    ...[...Buffer.from("MM\0*"), ...long(formatAt + 8)],
    ...levels.flatMap(uint16BE),
    ...(formatBytes > 4 ? formatValue : Array(8).fill(0)),
    ...uint16BE(entries.length),
    ...entries.flatMap(([tag, type, value]) => [...uint16BE(tag), ...uint16BE(type), ...long(1), ...value]),
    ...long(0),
  ]);
}

/** A baseline JPEG of grey blocks, 8x8 each, that are a ramp; with a restart marker after every `interval` blocks. */
export function restartJpeg(columns: number, rows: number, interval: number): Buffer {
  const scan: number[] = [];
  let previous = 0;
  let bits = "";
  const flush = () => {
    bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
    for (const byte of (bits.match(/.{8}/g) ?? []).map((text) => Number.parseInt(text, 2)))
      scan.push(...(byte === 255 ? [255, 0] : [byte]));
    bits = "";
  };
  for (let i = 0; i < columns * rows; i++) {
    if (i > 0 && i % interval === 0) {
      flush();
      scan.push(0xff, 0xd0 + ((i / interval - 1) % 8));
      previous = 0;
    }
    const level = (i % 50) * 4 - 100;
    const difference = level - previous;
    previous = level;
    const size = difference === 0 ? 0 : 32 - Math.clz32(Math.abs(difference));
    const value = difference < 0 ? difference + 2 ** size - 1 : difference;
    const written = size > 0 ? value.toString(2).padStart(size, "0") : "";
    bits += `${size.toString(2).padStart(4, "0")}${written}0`;
  }
  flush();
  return Buffer.from([
    ...[0xff, 0xd8],
    ...segment(0xdb, [0, ...Array(64).fill(8)]),
    ...segment(0xc0, [8, ...uint16BE(8 * rows), ...uint16BE(8 * columns), 1, 1, 0x11, 0]),
    ...segment(0xc4, [0, ...codeLengths(4, 12), ...Array.from({ length: 12 }, (_, i) => i)]), // DC: the size, in four bits
    ...segment(0xc4, [0x10, ...codeLengths(1, 1), 0]), // AC: end of block, in one
    ...segment(0xdd, uint16BE(interval)),
    ...segment(0xda, [1, 1, 0, 0, 63, 0]),
    ...scan,
    ...[0xff, 0xd9],
  ]);
}

const segment = (marker: number, data: number[]) => [0xff, marker, ...uint16BE(data.length + 2), ...data];
/** Per length from 1 to 16, how many codes have it. */
const codeLengths = (length: number, count: number) =>
  Array.from({ length: 16 }, (_, i) => (i + 1 === length ? count : 0));
const uint16 = (value: number) => [value & 255, value >> 8];
const uint16BE = (value: number) => [(value >> 8) & 255, value & 255];
const uint16s = (values: number[]) => values.flatMap(uint16);
const uint32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
