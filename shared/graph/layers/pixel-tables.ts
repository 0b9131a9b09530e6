/** Index tables, computed in the graph, that read a map of channels-last rows tile by tile, so that one graph serves every size. */
import type { GraphBuilder, Value } from "../builder.js";
import { ceilDiv, type Dim, product } from "../dim.js";
import { addValues, div, gatherAxis, mul, pad, range, reshape, sliceTo, transpose } from "../ops.js";
import type { FeatureMap } from "./feature-map.js";

/** A size of pixels. */
export interface Size {
  height: Dim;
  width: Dim;
}

/** Squares of `tile` pixels that need one pixel more on each side, and lie beside each other. */
interface Tiling {
  tile: number;
  /** Order of the result: the patch's pixels first, or the tiles first. */
  order: "pixels first" | "tiles first";
}

/**
 * Row of each pixel of each tile's patch in x, enlarged to `size` by nearest neighbours: [patch², T] or [T, patch²]. Pixels outside
 * are the row after the last one.
 */
export function patchRows({ batch, height, width, value }: FeatureMap, size: Size, { tile, order }: Tiling): Value {
  const g = value.graph;
  const patch = tile + 2;
  return g.once(`patches ${tile} ${order} ${[batch, height, width, size.height, size.width]}`, () => {
    const pictures = mul(range(g, batch), g.size(product(height, width)));
    const lines = mul(sourceIndex(g, height, size.height), g.size(width));
    const grid = addValues(
      addValues(reshape(pictures, [batch, 1, 1]), reshape(lines, [1, size.height, 1])),
      reshape(sourceIndex(g, width, size.width), [1, 1, size.width]),
    ); // [B, height, width]
    const outside = reshape(g.size(product(batch, height, width)), []);
    const framed = pad(grid, [0, 1, 1, 0, tile, tile], outside);
    const across = gatherAxis(framed, patchStarts(g, size.width, tile), 2);
    const patches = gatherAxis(across, patchStarts(g, size.height, tile), 1); // [B, patch, Ty, patch, Tx]
    return order === "pixels first"
      ? reshape(transpose(patches, [1, 3, 0, 2, 4]), [patch * patch, -1])
      : reshape(transpose(patches, [0, 2, 4, 1, 3]), [-1, patch * patch]);
  });
}

/** The nearest of `from` pixels for each of `to` pixels. */
function sourceIndex(g: GraphBuilder, from: Dim, to: Dim): Value {
  return from === to ? range(g, to) : div(mul(range(g, to), g.size(from)), g.size(to));
}

/** Places along one framed axis: pixel i of the patch of tile t is tile * t + i, [patch, tiles]. */
function patchStarts(g: GraphBuilder, size: Dim, tile: number): Value {
  const starts = mul(range(g, ceilDiv(size, tile)), g.ints([tile])); // [tiles]
  const offsets = Array.from({ length: tile + 2 }, (_, i) => i);
  return addValues(g.ints(offsets, [offsets.length, 1]), starts);
}

/** Row of each output pixel among [tile², T] rows, in the order of pixels: [B * height * width]. */
export function pixelRows({ batch, value }: FeatureMap, { height, width }: Size, tile: number): Value {
  const g = value.graph;
  return g.once(`pixels ${tile} ${[batch, height, width]}`, () => {
    const [down, across] = [ceilDiv(height, tile), ceilDiv(width, tile)];
    const rows = range(g, product(tile * tile, batch, down, across));
    const byPixel = transpose(reshape(rows, [tile, tile, batch, down, across]), [2, 3, 0, 4, 1]); // [B, Ty, t, Tx, t]
    const grid = reshape(byPixel, [batch, product(tile, down), product(tile, across)]);
    return reshape(sliceTo(sliceTo(grid, 1, height), 2, width), [-1]);
  });
}
