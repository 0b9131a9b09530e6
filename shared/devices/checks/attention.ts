/** Check of attention. */
import { attention, reshape, type Tokens } from "@armature/graph";
import { type Check, writeCase } from "./check.js";
import { attend } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

/** SD's head widths, on pixels, on a prompt of 77 tokens, and the text encoder's causal attention. */
const SIZES = [
  { batch: 1, heads: 8, headDim: 40, queries: 64, keys: 64, causal: false },
  { batch: 2, heads: 8, headDim: 40, queries: 64, keys: 77, causal: false },
  { batch: 1, heads: 8, headDim: 80, queries: 256, keys: 256, causal: false },
  { batch: 1, heads: 4, headDim: 160, queries: 64, keys: 64, causal: false },
  { batch: 1, heads: 12, headDim: 64, queries: 77, keys: 77, causal: true },
];

/** Attention in the profile's form. */
export const attentionForms: Check = function* (profile, finish) {
  for (const size of SIZES) {
    const { batch, heads, headDim, queries, keys, causal } = size;
    const width = heads * headDim;
    const values = new SeededValues(queries + headDim);
    const query = values.draw(batch * queries * width);
    const [key, value] = [values.draw(batch * keys * width), values.draw(batch * keys * width)];
    yield writeCase(
      {
        label: `${heads} heads of ${headDim}, ${queries} queries, ${keys} keys${causal ? ", causal" : ""}, batch ${batch}`,
        inputs: {
          query: { data: query, shape: [batch, queries, width] },
          key: { data: key, shape: [batch, keys, width] },
          value: { data: value, shape: [batch, keys, width] },
        },
        values,
        graph: (_, inputs) => {
          const tokens = (name: string, length: number): Tokens => {
            return { value: reshape(inputs[name]!, [batch * length, width]), batch, length, width };
          };
          const all = { query: tokens("query", queries), key: tokens("key", keys), value: tokens("value", keys) };
          return attention(all, { heads, causal }).value;
        },
        expected: attend({ query, key, value, ...size }),
      },
      profile,
      finish,
    );
  }
};
