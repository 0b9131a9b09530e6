/** Check of the VAE's block in the type that the VAE is to compute in. */
import { add, conv2d, groupNorm, silu } from "@armature/graph";
import { type Check, mapOfInput, writeCase } from "./check.js";
import { convolve, normalizeGroups, type Picture, sigmoidLinear } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

/** Activations of SD's VAE reach hundreds: a sum that overflows, or a square that does, shows as no number at all. */
const DEVIATION = 300;
const CHANNELS = 64;
const SIDE = 12;
const NORM = { groups: 32, epsilon: 1e-6 };

/** A residual block of the VAE, on activations as large as there. */
export const vaeBlock: Check = function* (profile, finish) {
  const values = new SeededValues(9);
  const data = values.draw(CHANNELS * SIDE * SIDE, DEVIATION);
  const x: Picture = { data, channels: CHANNELS, height: SIDE, width: SIDE };
  const half = (input: Picture, i: number): Picture => {
    const [weight, bias] = [values.weight(`norm${i}.weight`, [CHANNELS]), values.weight(`norm${i}.bias`, [CHANNELS])];
    const normal = normalizeGroups(input, { weight, bias, ...NORM });
    const active = { ...normal, data: sigmoidLinear(normal.data, 1) };
    return convolve(active, {
      weight: values.weight(`conv${i}.weight`, [CHANNELS, CHANNELS, 3, 3]),
      bias: values.weight(`conv${i}.bias`, [CHANNELS]),
      kernel: 3,
    });
  };
  const branch = half(half(x, 1), 2);
  yield writeCase(
    {
      label: `${CHANNELS} channels, ${SIDE}x${SIDE}, deviation ${DEVIATION}`,
      inputs: { x: { data, shape: [1, CHANNELS, SIDE, SIDE] } },
      values,
      graph: (g, inputs) => {
        const input = mapOfInput(inputs.x!);
        let h = input;
        for (const i of [1, 2]) {
          const normal = silu(groupNorm(g.at(`norm${i}`), h, NORM.groups, NORM.epsilon));
          h = conv2d(g.at(`conv${i}`), normal, CHANNELS);
        }
        return add(h, input).value;
      },
      expected: branch.data.map((value, i) => value + data[i]!),
    },
    profile,
    finish,
  );
};
