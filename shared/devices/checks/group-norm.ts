/** Check of group normalisation. */
import { groupNorm } from "@armature/graph";
import { type Check, mapOfInput, writeCase } from "./check.js";
import { normalizeGroups } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

/** A mean far above the deviation shows a variance that is computed as a difference of large numbers. */
const SIZES = [
  { channels: 64, height: 16, width: 16, mean: 0, deviation: 1 },
  { channels: 320, height: 9, width: 13, mean: 0, deviation: 20 },
  { channels: 32, height: 32, width: 32, mean: 8, deviation: 1 },
];
const GROUPS = 32;
const EPSILON = 1e-5;

/** The group norm before each convolution. */
export const groupNormalization: Check = function* (profile, finish) {
  for (const { channels, height, width, mean, deviation } of SIZES) {
    const values = new SeededValues(channels);
    const data = values.draw(channels * height * width, deviation, mean);
    const [weight, bias] = [values.weight("weight", [channels]), values.weight("bias", [channels])];
    const answer = normalizeGroups(
      { data, channels, height, width },
      { weight, bias, groups: GROUPS, epsilon: EPSILON },
    );
    yield writeCase(
      {
        label: `${channels} channels, ${height}x${width}, mean ${mean}, deviation ${deviation}`,
        inputs: { x: { data, shape: [1, channels, height, width] } },
        values,
        graph: (g, { x }) => groupNorm(g, mapOfInput(x!), GROUPS, EPSILON).value,
        expected: answer.data,
      },
      profile,
      finish,
    );
  }
};
