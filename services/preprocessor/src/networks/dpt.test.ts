/** Parity of the depth networks with transformers, in both layouts and in Winograd's form. */
import { CPU_PROFILE, type DeviceProfile, NCHW_FLOAT16_PROFILE, NCHW_PROFILE } from "@armature/graph";
import { ModelConfig, openModelFolder } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { fixtureJson, fixturePath, goldens, relativeError } from "../../../../testing/golden.js";
import { openFolderNetwork } from "../../../../testing/open-folder-network.js";
import { readGrey, readRgb } from "../../../../testing/picture.js";
import { runTimeTypes } from "../../../../testing/run-time-types.js";
import { WINOGRAD_EVERYWHERE } from "../../../../testing/winograd-everywhere.js";
import { depthPicture } from "../depth/depth-picture.js";
import { readDptImageProcessor, toPixelValues } from "../depth/dpt-image-processor.js";
import { dptNetwork } from "./dpt.js";
import { readDptConfig } from "./dpt-config.js";

/** float32 against float64 differs by 1.2e-5 of the maximum at worst. */
const TOLERANCE = 5e-5;

/** Largest deviation in float16, as a share of the maximum: it keeps 11 bits, and some hundred layers in a row lose a few of them. */
const FLOAT16_TOLERANCE = 2e-2;

/** Rounding may carry a level over its edge. */
const MAX_SHARE_OF_LEVELS = 0.01;

async function predict(folder: string, image: string, profile: DeviceProfile) {
  const session = await openFolderNetwork(dptNetwork, fixturePath(folder), profile);
  const processor = readDptImageProcessor(ModelConfig.read(fixturePath(`${folder}/preprocessor_config.json`)));
  const { data, width, height } = toPixelValues(await readRgb(image), processor);
  const { predicted_depth } = await session.run({
    pixel_values: new Tensor("float32", data, [1, 3, height, width]),
  });
  await session.release();
  return predicted_depth!;
}

const CASES = [
  ["models/dpt-random", "images/coffee.png", "components/dpt-random.safetensors", "components/dpt-random-depth.png"],
  [
    "models/dpt-hybrid-random",
    "images/coffee.png",
    "components/dpt-hybrid-random.safetensors",
    "components/dpt-hybrid-random-depth.png",
  ],
  [
    "../models/depth-dpt-tiny",
    "embedded/inputs/purple-sphere-and-orange-cube.png",
    "embedded/depth-dpt-tiny/tensors.safetensors",
    "embedded/depth-dpt-tiny/depth.png",
  ],
] as const;

describe.each([CPU_PROFILE, WINOGRAD_EVERYWHERE, NCHW_PROFILE])("in the $name profile", (profile) => {
  test.each(CASES)("%s equals transformers'", async (folder, image, tensors, file) => {
    const depth = await predict(folder, image, profile);
    const golden = goldens(tensors)("predicted_depth");
    expect(depth.dims).toEqual(golden.shape);
    const data = depth.data as Float32Array;
    expect(relativeError(data, golden.data)).toBeLessThan(TOLERANCE);

    const wanted = await readGrey(file);
    const [, height, width] = golden.shape as [number, number, number];
    const drawn = depthPicture({ data, width, height }, wanted).data;
    const differences = drawn.map((level, i) => Math.abs(level - wanted.data[i]!));
    expect(Math.max(...new Set(differences))).toBeLessThanOrEqual(1);
    expect(differences.filter((difference) => difference > 0).length).toBeLessThan(drawn.length * MAX_SHARE_OF_LEVELS);
  });
});

const plain = fixtureJson<Record<string, unknown>>("models/dpt-random/config.json");
const hybrid = fixtureJson<Record<string, unknown>>("models/dpt-hybrid-random/config.json");
const backbone = (change: object) => ({ backbone_config: { ...(hybrid.backbone_config as object), ...change } });

test.each([
  ["hidden_act", plain, { hidden_act: "relu" }],
  ["readout_type", plain, { readout_type: "add" }],
  ["backbone_config", plain, { backbone_config: { model_type: "dinov2" } }],
  ["backbone_out_indices", plain, { backbone_out_indices: [1, 3, 5, 8] }],
  ["backbone_out_indices", plain, { backbone_out_indices: [1, 3, 3, 7] }],
  ["reassemble_factors", plain, { reassemble_factors: [4, 2, 1, 0.3] }],
  ["use_batch_norm_in_fusion_residual", plain, { use_batch_norm_in_fusion_residual: true }],
  ["neck_kernel", plain, { neck_kernel: 5 }],
  ["neck_ignore_stages", hybrid, { neck_ignore_stages: [0] }],
  ["layer_type", hybrid, backbone({ layer_type: "preactivation" })],
  ["global_padding", hybrid, backbone({ global_padding: "valid" })],
  ["out_features", hybrid, backbone({ out_features: ["stage3"] })],
])("an unsupported %s is an error that names it", (key, config, change) => {
  expect(() => readDptConfig(new ModelConfig("config.json", { ...config, ...change }))).toThrow(
    new RegExp(`config.json.*\\b${key}\\b`),
  );
});

test.each(CASES)("%s in float16 stays near", async (folder, image, tensors) => {
  const depth = await predict(folder, image, NCHW_FLOAT16_PROFILE);
  expect(relativeError(depth.data as Float32Array, goldens(tensors)("predicted_depth").data)).toBeLessThan(
    FLOAT16_TOLERANCE,
  );
});

test.each(CASES)("%s in float32 needs no float16 of a GPU, though its file may hold it", (folder) => {
  const { config, weights } = openModelFolder(fixturePath(folder));
  const sizes = { B: 1, H: 8, W: 8 };
  const types = runTimeTypes(dptNetwork.open(config).trace(weights, { ...NCHW_PROFILE, sizes }));
  expect(types).toContain("float32");
  expect(types).not.toContain("float16");
});

const embeddedSession = () => openFolderNetwork(dptNetwork, fixturePath("../models/depth-dpt-tiny"), CPU_PROFILE);

const waves = (shape: number[]) => {
  const size = shape.reduce((product, side) => product * side, 1);
  return new Tensor(
    "float32",
    Float32Array.from({ length: size }, (_, i) => Math.sin(i / 50)),
    shape,
  );
};

/** 80 pixels are 5 patches, fused as 6: the coarsest level has 3 of them, doubled. */
test.each([80, 96])("a picture of %i pixels, not the trained size, gives transformers' depth", async (side) => {
  const session = await embeddedSession();
  const { predicted_depth } = await session.run({ pixel_values: waves([1, 3, side, side]) });
  await session.release();
  const golden = goldens("components/dpt-other-grids.safetensors")(`predicted_depth.${side}`);
  expect(predicted_depth!.dims).toEqual(golden.shape);
  expect(relativeError(predicted_depth!.data as Float32Array, golden.data)).toBeLessThan(TOLERANCE);
});

test("pictures of a batch do not mix, and need not be square", async () => {
  const session = await embeddedSession();
  const pair = waves([2, 3, 96, 128]);
  const half = pair.data.length / 2;
  const second = new Tensor("float32", (pair.data as Float32Array).slice(half), [1, 3, 96, 128]);
  const together = (await session.run({ pixel_values: pair })).predicted_depth!;
  const alone = (await session.run({ pixel_values: second })).predicted_depth!;
  await session.release();
  expect(together.dims).toEqual([2, 96, 128]);
  const depth = (together.data as Float32Array).slice(96 * 128);
  expect(relativeError(depth, alone.data as Float32Array)).toBeLessThan(TOLERANCE);
});
