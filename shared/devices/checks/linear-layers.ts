/** Check of linear layers and activations. */
import { concat, gelu, layerNorm, linear, quickGelu, siluValues, type Tokens } from "@armature/graph";
import { type Check, writeCase } from "./check.js";
import { gaussianLinear, normalizeRows, project, sigmoidLinear } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

const SIZES = [
  { rows: 77, width: 64, out: 96 },
  { rows: 130, width: 320, out: 40 },
];

/** Layer norm, a linear layer and the three activations, side by side: each has a fused operator of its own. */
export const linearLayers: Check = function* (profile, finish) {
  for (const { rows, width, out } of SIZES) {
    const values = new SeededValues(width);
    const data = values.draw(rows * width, 3);
    const norm = normalizeRows(data, values.weight("norm.weight", [width]), values.weight("norm.bias", [width]), 1e-5);
    const hidden = project(norm, values.weight("fc.weight", [out, width]), values.weight("fc.bias", [out]));
    yield writeCase(
      {
        label: `${rows} tokens, ${width} to ${out}`,
        inputs: { x: { data, shape: [rows, width] } },
        values,
        graph: (g, { x }) => {
          const tokens: Tokens = { value: x!, batch: 1, length: rows, width };
          const { value } = linear(g.at("fc"), layerNorm(g.at("norm"), tokens), out);
          return concat([gelu(value), quickGelu(value), siluValues(value)], 0);
        },
        expected: Float64Array.from([
          ...gaussianLinear(hidden),
          ...sigmoidLinear(hidden, 1.702),
          ...sigmoidLinear(hidden, 1),
        ]),
      },
      profile,
      finish,
    );
  }
};
