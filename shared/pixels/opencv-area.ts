/** OpenCV's INTER_AREA where both sides shrink: each pixel is the mean of the area it covers, weighted by the overlap. */
import type { GreyImage, PictureSize } from "./grey-image.js";
import type { RgbImage } from "./rgb-image.js";
import { roundHalfEven } from "./round.js";

/** Shrinks both sides by whole factors, by integer sums of whole blocks. */
export function averageBlocks(image: RgbImage | GreyImage, to: PictureSize, channels: 1 | 3): Uint8Array {
  const across = image.width / to.width;
  const down = image.height / to.height;
  const stride = image.width * channels;
  const halves = across === 2 && down === 2;
  const scale = Math.fround(1 / (across * down));
  const result = new Uint8Array(to.width * to.height * channels);
  let at = 0;
  for (let y = 0; y < to.height; y++) {
    for (let x = 0; x < to.width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        const corner = y * down * stride + x * across * channels + channel;
        let sum = 0;
        for (let row = corner; row < corner + down * stride; row += stride) {
          for (let from = row; from < row + across * channels; from += channels) sum += image.data[from]!;
        }
        // The 2x2 case has its own code in OpenCV, which rounds halves up.
        result[at++] = halves ? (sum + 2) >> 2 : roundHalfEven(Math.fround(sum * scale));
      }
    }
  }
  return result;
}

/** Any shrinking factors; sums are float32 in OpenCV's order. */
export function resizeByArea(image: RgbImage | GreyImage, to: PictureSize, channels: 1 | 3): Uint8Array {
  const columns = overlaps(image.width, to.width);
  const rows = overlaps(image.height, to.height);
  const stride = to.width * channels;
  const result = new Uint8Array(to.height * stride);
  const row = new Float32Array(stride);
  const sums = new Float32Array(stride);
  for (let i = 0; i < rows.length; i++) {
    const { from, to: y, share } = rows[i]!;
    averageRow(image.data, from * image.width * channels, channels, columns, row);
    if (y === rows[i - 1]?.to) for (let x = 0; x < stride; x++) sums[x] = sums[x]! + Math.fround(share * row[x]!);
    else for (let x = 0; x < stride; x++) sums[x] = share * row[x]!;
    if (y !== rows[i + 1]?.to) for (let x = 0; x < stride; x++) result[y * stride + x] = level(sums[x]!);
  }
  return result;
}

interface Overlap {
  from: number;
  to: number;
  /** The part of the target pixel that this source pixel makes up; a float32. */
  share: number;
}

/** Which source pixels each target pixel covers along one side, and how much of it they are. */
function overlaps(from: number, to: number): Overlap[] {
  const scale = 1 / (to / from);
  const result: Overlap[] = [];
  for (let target = 0; target < to; target++) {
    const begin = target * scale;
    const end = begin + scale;
    const width = Math.min(scale, from - begin);
    const lastWhole = Math.min(Math.floor(end), from - 1);
    const firstWhole = Math.min(Math.ceil(begin), lastWhole);
    const add = (source: number, part: number) =>
      result.push({ from: source, to: target, share: Math.fround(part / width) });
    if (firstWhole - begin > SLIVER) add(firstWhole - 1, firstWhole - begin);
    for (let source = firstWhole; source < lastWhole; source++) add(source, 1);
    if (end - lastWhole > SLIVER) add(lastWhole, Math.min(end - lastWhole, 1, width));
  }
  return result;
}

/** Overlaps below this are rounding noise to OpenCV. */
const SLIVER = 1e-3;

function averageRow(source: Uint8Array, start: number, channels: 1 | 3, columns: Overlap[], row: Float32Array): void {
  row.fill(0);
  for (const { from, to, share } of columns) {
    for (let channel = 0; channel < channels; channel++) {
      const at = to * channels + channel;
      row[at] = row[at]! + Math.fround(source[start + from * channels + channel]! * share);
    }
  }
}

function level(value: number): number {
  return Math.min(255, roundHalfEven(value));
}
