/** Decoding in tiles: memory grows with the tile, not with the picture. */

/** Latents of one tile, [1, C, h, w] → pixels [1, 3, scale*h, scale*w]. */
type DecodeTile = (latents: Float32Array, height: number, width: number) => Promise<Float32Array>;

export interface TiledLatents {
  data: Float32Array; // [1, C, H, W]
  channels: number;
  height: number;
  width: number;
}

export interface TilePlan {
  /** Side of a tile, in latent cells. */
  side: number;
  /** Cells that neighbours share: their pixels are faded into each other, for a tile's own edge sees no neighbour. */
  overlap: number;
}

const PLANES = 3;

/**
 * Decodes tile by tile into one picture [3, H, W]. Where tiles overlap, each counts more the farther it is from its own edge:
 * the weights are ramps, and their sum is divided out, so that no seam remains.
 */
export async function decodeInTiles(
  latents: TiledLatents,
  { side, overlap }: TilePlan,
  scale: number,
  decode: DecodeTile,
): Promise<Float32Array> {
  const [height, width] = [latents.height * scale, latents.width * scale];
  const sum = new Float32Array(PLANES * height * width);
  const weights = new Float32Array(height * width);
  for (const top of tileStarts(latents.height, side, overlap)) {
    for (const left of tileStarts(latents.width, side, overlap)) {
      const [h, w] = [Math.min(side, latents.height), Math.min(side, latents.width)];
      const pixels = await decode(cut(latents, { top, left, h, w }), h, w);
      const [rows, columns] = [ramp(h * scale, overlap * scale), ramp(w * scale, overlap * scale)];
      for (let y = 0; y < h * scale; y++) {
        for (let x = 0; x < w * scale; x++) {
          const at = (top * scale + y) * width + left * scale + x;
          const weight = rows[y]! * columns[x]!;
          weights[at]! += weight;
          for (let c = 0; c < PLANES; c++) {
            sum[c * height * width + at]! += weight * pixels[(c * h * scale + y) * w * scale + x]!;
          }
        }
      }
    }
  }
  return sum.map((value, i) => value / weights[i % weights.length]!);
}

/** Where tiles begin so that they cover `size` cells and share at least `overlap`; all are of one size, and one graph. */
export function tileStarts(size: number, side: number, overlap: number): number[] {
  if (size <= side) return [0];
  const count = Math.ceil((size - overlap) / (side - overlap));
  return Array.from({ length: count }, (_, i) => Math.round((i * (size - side)) / (count - 1)));
}

/** 1 in the middle, falling towards both ends, never 0. */
function ramp(size: number, fade: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => Math.min(1, (Math.min(i, size - 1 - i) + 1) / (fade + 1)));
}

interface Tile {
  top: number;
  left: number;
  h: number;
  w: number;
}

function cut({ data, channels, height, width }: TiledLatents, { top, left, h, w }: Tile): Float32Array {
  const tile = new Float32Array(channels * h * w);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < h; y++) {
      const from = (c * height + top + y) * width + left;
      tile.set(data.subarray(from, from + w), (c * h + y) * w);
    }
  }
  return tile;
}
