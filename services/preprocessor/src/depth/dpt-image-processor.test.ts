import { createHash } from "node:crypto";
import { InvalidModel } from "@armature/core";
import { ModelConfig } from "@armature/weights";
import { expect, test } from "vitest";
import { fixtureJson, fixturePath, goldens, relativeError } from "../../../../testing/golden.js";
import { readRgb } from "../../../../testing/picture.js";
import { readDptImageProcessor, resizedSize, toPixelValues } from "./dpt-image-processor.js";

interface Case {
  image: string;
  preprocessor_config: Record<string, unknown>;
  shape: number[];
  sha256: string;
}

const { cases } = fixtureJson<{ cases: Record<string, Case> }>("preprocess/pixel-values.json");
const processor = (values: Record<string, unknown>) =>
  readDptImageProcessor(new ModelConfig("preprocessor_config.json", values));

/** The second one keeps the aspect ratio, to multiples of 14, with another mean and deviation for each channel. */
test.each(Object.entries(cases))("the pixel values of %s are transformers' to the bit", async (_, golden) => {
  const { data, width, height } = toPixelValues(await readRgb(golden.image), processor(golden.preprocessor_config));
  expect([1, 3, height, width]).toEqual(golden.shape);
  expect(createHash("sha256").update(data).digest("hex")).toBe(golden.sha256);
});

test("the embedded model's own config gives transformers' pixel values to the bit", async () => {
  const config = ModelConfig.read(fixturePath("../models/depth-dpt-tiny/preprocessor_config.json"));
  const { data } = toPixelValues(
    await readRgb("embedded/inputs/purple-sphere-and-orange-cube.png"),
    readDptImageProcessor(config),
  );
  expect(relativeError(data, goldens("embedded/depth-dpt-tiny/tensors.safetensors")("pixel_values").data)).toBe(0);
});

test("each step can be switched off, and one number is both sides", async () => {
  const image = { data: Uint8Array.of(0, 51, 255), width: 1, height: 1 };
  const off = { do_resize: false, do_rescale: false, do_normalize: false };
  expect([...toPixelValues(image, processor(off)).data]).toEqual([0, 51, 255]);
  expect([...toPixelValues(image, processor({ ...off, do_rescale: true })).data]).toEqual([0, Math.fround(0.2), 1]);
  expect([...toPixelValues(image, processor({ ...off, do_normalize: true, image_std: [1, 2, 5] })).data]).toEqual([
    -0.5,
    25.25,
    Math.fround(50.9),
  ]);
  expect(processor({ size: 224 }).resize?.size).toEqual({ width: 224, height: 224 });
});

test("a kept aspect ratio changes the size as little as possible", () => {
  const resize = { size: { width: 384, height: 384 }, keepAspectRatio: true, multiple: 32, filter: "bicubic" } as const;
  expect(resizedSize({ width: 640, height: 480 }, resize)).toEqual({ width: 512, height: 384 });
  expect(resizedSize({ width: 100, height: 300 }, resize)).toEqual({ width: 128, height: 384 });
  expect(resizedSize({ width: 9000, height: 10 }, resize)).toEqual({ width: 384, height: 32 });
});

test.each([
  ["do_pad", { do_pad: true }],
  ["resample", { resample: 0 }],
  ["size", { size: { shortest_edge: 384 } }],
  ["image_mean", { image_mean: [0.5] }],
  ["image_std", { image_std: [1, 0, 1] }],
  ["ensure_multiple_of", { ensure_multiple_of: 0 }],
  ["crop_size", { crop_size: 224 }],
])("an unsupported %s is an error that names it", (key, values) => {
  expect(() => processor(values)).toThrow(InvalidModel);
  expect(() => processor(values)).toThrow(new RegExp(`preprocessor_config.json.*\\b${key}\\b`));
});
