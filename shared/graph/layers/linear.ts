/** Linear layers over tokens and rows. */
import type { Value } from "../builder.js";
import { gemm } from "../ops.js";
import type { Scope } from "../scope.js";
import { type Tokens, tokensOf } from "./feature-map.js";
import { int8Dense, worthInt8 } from "./int8.js";

interface LinearOptions {
  bias?: boolean;
}

/**
 * A linear layer over tokens (B, S, D) → (B, S, out). Gemm(transB) takes PyTorch's [out, in] weight in place: as fast as a
 * transposed copy, at half its memory.
 */
export function linear(g: Scope, x: Tokens, out: number, options: LinearOptions = {}): Tokens {
  return tokensOf(x, denseRows(g, x.value, out, options));
}

/** A linear layer over bare rows [M, in] → [M, out]. */
export function denseRows(g: Scope, x: Value, out: number, { bias = true }: LinearOptions = {}): Value {
  const weight = g.weight("weight", [out, x.shape[1] as number]);
  return dense(x, weight, bias ? g.weight("bias", [out]) : undefined);
}

/**
 * A linear layer whose output is cut into `parts` of `out` columns: one Gemm for each, over a byte range of the weight, so that
 * nothing is split afterwards.
 */
export function linearParts(g: Scope, x: Tokens, out: number, parts: number): Tokens[] {
  const rows = out * parts;
  return Array.from({ length: parts }, (_, i) => {
    const weight = g.weightRows("weight", [rows, x.width], i * out, (i + 1) * out);
    const bias = g.weightRows("bias", [rows], i * out, (i + 1) * out);
    return tokensOf(x, dense(x.value, weight, bias));
  });
}

/** x [M, in] with a weight [out, in] → [M, out], in the profile's form. */
export function dense(x: Value, weight: Value, bias: Value | undefined): Value {
  return worthInt8(weight) ? int8Dense(x, weight, bias) : gemm(x, weight, bias);
}
