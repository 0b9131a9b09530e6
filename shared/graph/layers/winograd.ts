/**
 * 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3), arXiv:1509.09308, section 4.3, for channels-last rows: 36
 * multiplications for the 144 of 4x4 outputs. Index tables are computed in the graph, so one graph serves every size, and nearest
 * upsampling before the convolution is part of them. Measured in docs/performance.md.
 */
import type { GraphBuilder, Value } from "../builder.js";
import { ceilDiv, product } from "../dim.js";
import { gather, matmul, pad, reshape, transpose } from "../ops.js";
import type { FeatureMap } from "./feature-map.js";
import { patchRows, pixelRows, type Size } from "./pixel-tables.js";

/** Outputs of a tile in each direction, and the pixels that they are made of. */
const TILE = 4;
const PATCH = TILE + 2;

/** Bᵀ, G and Aᵀ of the paper, for the points 0, 1, -1, 2, -2 and infinity. */
const INPUT = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const KERNEL = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const OUTPUT = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/**
 * x (B, C, H, W) as rows, enlarged to `size` by nearest neighbours, convolved with `weight` [out, C, 3, 3] → rows
 * [B * height * width, out], without bias.
 */
export function winogradConv(x: FeatureMap, weight: Value, size: Size): Value {
  const g = x.value.graph;
  const [out, channels] = weight.shape as [number, number];
  const tiles = product(x.batch, ceilDiv(size.height, TILE), ceilDiv(size.width, TILE)); // T
  const padded = pad(x.value, [0, 0, 1, 0]); // one row of zeros, for pixels outside
  const patches = reshape(gather(padded, patchRows(x, size, { tile: TILE, order: "pixels first" })), [
    PATCH * PATCH,
    product(tiles, channels),
  ]);
  const spectrum = reshape(matmul(kronSquare(g, INPUT), patches), [PATCH * PATCH, tiles, channels]); // [36, T, C]
  const products = matmul(spectrum, transformedKernel(weight)); // [36, T, out]
  const outputs = matmul(kronSquare(g, OUTPUT), reshape(products, [PATCH * PATCH, product(tiles, out)])); // [16, T*out]
  return gather(reshape(outputs, [product(TILE * TILE, tiles), out]), pixelRows(x, size, TILE));
}

/** The kernel in the transformed domain, [36, C, out]: folded into one weight when the session is made. */
function transformedKernel(weight: Value): Value {
  const [out, channels] = weight.shape as [number, number];
  const taps = reshape(transpose(weight, [2, 3, 1, 0]), [9, channels * out]);
  return reshape(matmul(kronSquare(weight.graph, KERNEL), taps), [PATCH * PATCH, channels, out]);
}

/** The matrix of the two-dimensional transform: the Kronecker product of the one-dimensional one with itself. */
function kronSquare(g: GraphBuilder, matrix: readonly number[][]): Value {
  const rows = matrix.flatMap((a) => matrix.map((b) => a.flatMap((left) => b.map((right) => left * right))));
  return g.floats(rows.flat(), [rows.length, rows[0]!.length]);
}
