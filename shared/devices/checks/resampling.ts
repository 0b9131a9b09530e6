/** Check of enlargement and of resizing. */
import { enlarge, relu, resizeBilinear } from "@armature/graph";
import { type Check, mapOfInput, writeCase } from "./check.js";
import { enlargeByBlocks, interpolateCorners } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

/** Input channels, output channels, size, factor of the transposed convolution. */
const SIZES = [
  { channels: 64, out: 16, height: 6, width: 5, factor: 2 },
  { channels: 96, out: 24, height: 3, width: 4, factor: 4 },
];

/** What the depth network's decoder has beside convolutions: a transposed one whose stride is its kernel, and bilinear doubling. */
export const resampling: Check = function* (profile, finish) {
  for (const { channels, out, height, width, factor } of SIZES) {
    const values = new SeededValues(channels + factor);
    const data = values.draw(channels * height * width);
    const weight = values.weight("weight", [channels, out, factor, factor]);
    const bias = values.weight("bias", [out]);
    const size = { height: 2 * factor * height, width: 2 * factor * width };
    const rectified = { data: data.map((value) => Math.max(0, value)), channels, height, width };
    const answer = interpolateCorners(enlargeByBlocks(rectified, { weight, bias, factor }), size);
    yield writeCase(
      {
        label: `${channels} to ${out} channels, ${height}x${width}, times ${factor} and doubled`,
        inputs: { x: { data, shape: [1, channels, height, width] } },
        values,
        graph: (g, { x }) => {
          const enlarged = enlarge(g, relu(mapOfInput(x!)), out, factor);
          return resizeBilinear(enlarged, size.height, size.width, "align_corners").value;
        },
        expected: answer.data,
      },
      profile,
      finish,
    );
  }
};
