import { expect, test } from "vitest";
import { goldens } from "../../../../testing/golden.js";
import { expectSamePixels, readGrey } from "../../../../testing/picture.js";
import { depthPicture } from "./depth-picture.js";

test.each([
  ["components/dpt-random.safetensors", "components/dpt-random-depth.png"],
  ["components/dpt-hybrid-random.safetensors", "components/dpt-hybrid-random-depth.png"],
  ["embedded/depth-dpt-tiny/tensors.safetensors", "embedded/depth-dpt-tiny/depth.png"],
])("%s is drawn as the reference draws it, to the level", async (tensors, file) => {
  const { data, shape } = goldens(tensors)("predicted_depth");
  const picture = await readGrey(file);
  const [, height, width] = shape as [number, number, number];
  expectSamePixels(depthPicture({ data, width, height }, picture), picture);
});

test("a map of one value is black", () => {
  const { data } = depthPicture({ data: new Float32Array(4).fill(7), width: 2, height: 2 }, { width: 3, height: 3 });
  expect([...data]).toEqual(Array(9).fill(0));
});
