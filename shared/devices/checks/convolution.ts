/** Check of convolutions. */
import { conv2d } from "@armature/graph";
import { type Check, mapOfInput, writeCase } from "./check.js";
import { convolve } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

/** Input channels, output channels, side, kernel, stride. The longest sum is that of SD's 1280 channels: 11520 products. */
const SIZES = [
  { channels: 64, out: 64, height: 16, width: 16, kernel: 3, stride: 1 },
  { channels: 4, out: 32, height: 13, width: 9, kernel: 3, stride: 1 },
  { channels: 320, out: 32, height: 8, width: 8, kernel: 3, stride: 2 },
  { channels: 320, out: 64, height: 8, width: 8, kernel: 1, stride: 1 },
  { channels: 1280, out: 16, height: 4, width: 4, kernel: 3, stride: 1 },
];

/** Convolutions of the networks' shapes. */
export const convolution: Check = function* (profile, finish) {
  for (const { channels, out, height, width, kernel, stride } of SIZES) {
    const values = new SeededValues(channels + kernel);
    const data = values.draw(channels * height * width);
    const weight = values.weight("weight", [out, channels, kernel, kernel]);
    const bias = values.weight("bias", [out]);
    const answer = convolve({ data, channels, height, width }, { weight, bias, kernel, stride });
    yield writeCase(
      {
        label: `${kernel}x${kernel}, ${channels} to ${out} channels, ${height}x${width}, stride ${stride}`,
        inputs: { x: { data, shape: [1, channels, height, width] } },
        values,
        graph: (g, { x }) => conv2d(g, mapOfInput(x!), out, { kernel, stride }).value,
        expected: answer.data,
      },
      profile,
      finish,
    );
  }
};
