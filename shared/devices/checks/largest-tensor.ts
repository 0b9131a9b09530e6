/** Check of tensors as large as the profile lets them be. */
import { attendInSlices, concat, slice, type Value } from "@armature/graph";
import { type Check, writeCase } from "./check.js";
import { attend } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

const HEADS = 16;
const HEAD_DIM = 8;
/** Query rows that are compared: the answer of all would take a minute to compute here. */
const SHARE = 97;

/**
 * Attention whose scores are as large as the profile lets a tensor be, as one slice. Above a device's largest binding a
 * runtime may return wrong numbers without an error.
 */
export const largestTensor: Check = function* (profile, finish) {
  const { maxTensorBytes, compute } = profile;
  if (maxTensorBytes === undefined) return;
  const elements = maxTensorBytes / (compute === "float16" ? 2 : 4);
  const length = Math.floor(Math.sqrt(elements / HEADS));
  const values = new SeededValues(5);
  const shape = [1, HEADS, length, HEAD_DIM];
  const size = HEADS * length * HEAD_DIM;
  const [query, key, value] = [values.draw(size), values.draw(size), values.draw(size)];
  const rows = Array.from({ length: Math.ceil(length / SHARE) }, (_, i) => i * SHARE);
  const problem = { batch: 1, queries: length, keys: length, heads: 1, headDim: HEAD_DIM };
  const expected = Array.from({ length: HEADS }, (_, head) => {
    const part = (of: Float32Array) => of.subarray(head * length * HEAD_DIM, (head + 1) * length * HEAD_DIM);
    // this graph's keys come transposed and its queries unscaled
    const scaled = part(query).map((number) => number * Math.sqrt(HEAD_DIM));
    return attend({ query: scaled, key: part(key), value: part(value), ...problem }, rows);
  });
  yield writeCase(
    {
      label: `scores of ${(maxTensorBytes / 2 ** 20).toFixed(0)} MiB`,
      inputs: {
        query: { data: query, shape },
        key: { data: transposed(key, length), shape: [1, HEADS, HEAD_DIM, length] },
        value: { data: value, shape },
      },
      values,
      graph: (_, inputs) => {
        const all = attendInSlices({ query: inputs.query!, key: inputs.key!, value: inputs.value! });
        return pickRows(all, rows);
      },
      expected: Float64Array.from(expected.flatMap((part) => [...part])),
    },
    profile,
    finish,
  );
};

/** Transposes each head's keys: [length, d] → [d, length]. */
function transposed(key: Float32Array, length: number): Float32Array {
  const result = new Float32Array(key.length);
  for (let head = 0; head < HEADS; head++) {
    const start = head * length * HEAD_DIM;
    for (let t = 0; t < length; t++) {
      for (let i = 0; i < HEAD_DIM; i++) result[start + i * length + t] = key[start + t * HEAD_DIM + i]!;
    }
  }
  return result;
}

function pickRows(x: Value, rows: readonly number[]): Value {
  return concat(
    rows.map((row) => slice(x, 2, row, row + 1)),
    2,
  );
}
