/** The token that stands for the whole picture, in front of a vision transformer's patches: arXiv:2010.11929, section 3.1. */
import type { Value } from "../builder.js";
import { product, sum } from "../dim.js";
import { concat, expand, reshape, slice } from "../ops.js";
import type { Tokens } from "./feature-map.js";

/** Puts `token` [1, 1, D] before the others: (B, S, D) → (B, 1 + S, D). */
export function prependToken(token: Value, x: Tokens): Tokens {
  const first = expand(token, [x.batch, 1, x.width]);
  const length = sum(1, x.length);
  const value = concat([first, reshape(x.value, [x.batch, x.length, x.width])], 1); // [B, 1 + S, D]
  return { ...x, length, value: reshape(value, [product(x.batch, length), x.width]) };
}

/** The first token [B, 1, D], and the `rest` in a shape of their own. */
export function splitFirstToken(x: Tokens, rest: Pick<Tokens, "length">): { first: Value; others: Tokens } {
  const g = x.value.graph;
  const sequence = reshape(x.value, [x.batch, x.length, x.width]);
  const shape = [x.batch, rest.length, x.width];
  const others = g.node("Slice", [sequence, g.ints([1]), g.ints([END]), g.ints([1])], sequence.dtype, shape); // [B, S, D]
  const value = reshape(others, [product(x.batch, rest.length), x.width]);
  return { first: slice(sequence, 1, 0, 1), others: { ...x, length: rest.length, value } };
}

/** Slices clamp their end to the size. */
const END = 2 ** 31 - 1;
