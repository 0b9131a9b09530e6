/** Attention without a fused operator, in slices of query rows, so that no tensor of scores is above what a device binds whole. */
import type { Value } from "../builder.js";
import { addValues, concat, matmul, slice, softmax } from "../ops.js";
import { PROFILE } from "../profile.js";

interface HeadInputs {
  /** [B, N, S, d], already divided by √d. */
  query: Value;
  /** Transposed: [B, N, d, T]. */
  key: Value;
  /** [B, N, T, d]. */
  value: Value;
  /** Added to the scores: [S, T]. */
  mask?: Value | undefined;
}

/**
 * softmax(Q Kᵀ + mask) V → [B, N, S, d]. A tensor above a device's largest binding may be silently wrong, so the profile's
 * `maxTensorBytes` decides how many rows go together; rows of a softmax do not depend on each other. Sizes that are not
 * known when the graph is written leave it whole.
 */
export function attendInSlices({ query, key, value, mask }: HeadInputs): Value {
  const rows = rowsTogether(query, key);
  const length = query.shape[2];
  if (typeof length !== "number" || rows >= length) return attend({ query, key, value, mask });
  const parts: Value[] = [];
  for (let start = 0; start < length; start += rows) {
    const end = Math.min(start + rows, length);
    const part = { query: slice(query, 2, start, end), mask: mask && slice(mask, 0, start, end) };
    parts.push(attend({ ...part, key, value }));
  }
  return concat(parts, 2);
}

function attend({ query, key, value, mask }: HeadInputs): Value {
  const scores = matmul(query, key); // [B, N, rows, T]
  return matmul(softmax(mask ? addValues(scores, mask) : scores), value);
}

/** How many query rows stay under the limit; at least one. */
function rowsTogether(query: Value, key: Value): number {
  const { maxTensorBytes } = query.graph[PROFILE];
  const sizes = [query.shape[0], query.shape[1], key.shape[3]];
  if (maxTensorBytes === undefined || !sizes.every((size) => typeof size === "number")) return Number.POSITIVE_INFINITY;
  const rowBytes = sizes.reduce((total, size) => total * size, query.dtype === "float16" ? 2 : 4);
  return Math.max(1, Math.floor(maxTensorBytes / rowBytes));
}
