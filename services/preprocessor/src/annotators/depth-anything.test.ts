/** Parity of depth_anything with transformers: pixels, depth and picture, in both layouts and in Winograd's form. */
import { CPU_PROFILE, type DeviceProfile, NCHW_FLOAT16_PROFILE, NCHW_PROFILE } from "@armature/graph";
import type { FloatMap, GreyImage } from "@armature/pixels";
import { ModelConfig } from "@armature/weights";
import { describe, expect, test } from "vitest";
import { fixtureJson, fixturePath, goldens, relativeError } from "../../../../testing/golden.js";
import { readGrey, readRgb } from "../../../../testing/picture.js";
import { WINOGRAD_EVERYWHERE } from "../../../../testing/winograd-everywhere.js";
import { depthAnythingDepth } from "../depth/depth-anything-depth.js";
import type { DepthNetwork } from "../depth/depth-network.js";
import { toPixelValues } from "../depth/dpt-image-processor.js";
import { loadableNetwork } from "../engine/loadable-networks.js";
import { readDepthAnythingConfig } from "../networks/depth-anything-config.js";
import { depthAnything } from "./depth-anything.js";

/** Largest deviation, as a share of the maximum: 1.8e-5 was seen. */
const TOLERANCE = 5e-5;

/** Largest deviation in float16, which keeps 11 bits, as a share of the maximum: 1e-3 was seen. */
const FLOAT16_TOLERANCE = 5e-3;

/** Rounding may carry a level over its edge. */
const MAX_SHARE_OF_LEVELS = 0.01;

const MODEL = "models/depth-anything-random";
const golden = goldens("components/depth-anything-random.safetensors");
const CHELSEA = await readRgb("images/chelsea.png");

async function withNetwork<T>(profile: DeviceProfile, work: (network: DepthNetwork) => Promise<T>): Promise<T> {
  const entry = { id: MODEL, folder: fixturePath(MODEL), bytes: 0 };
  const loadable = loadableNetwork(depthAnythingDepth, entry, { profile, threads: 1 });
  const loaded = await loadable.load();
  try {
    return await work(loaded.opened);
  } finally {
    await loadable.release(loaded);
  }
}

const predicted = (network: DepthNetwork): Promise<FloatMap> =>
  network.predict(toPixelValues(CHELSEA, network.imageProcessor));

describe.each([CPU_PROFILE, WINOGRAD_EVERYWHERE, NCHW_PROFILE])("in the $name profile", (profile) => {
  test("pixels, depth and picture equal transformers', on another grid of patches than the trained one", async () => {
    await withNetwork(profile, async (network) => {
      expect(toPixelValues(CHELSEA, network.imageProcessor).data).toEqual(golden("pixel_values").data);
      const depth = await predicted(network);
      expect([1, depth.height, depth.width]).toEqual(golden("predicted_depth").shape);
      expect(relativeError(depth.data, golden("predicted_depth").data)).toBeLessThan(TOLERANCE);
      const picture = (await depthAnything[0]!.run(CHELSEA, {}, { depth: network })) as GreyImage;
      expectNear(picture, await readGrey("components/depth-anything-random-depth.png"));
    });
  });
});

test("float16 stays near", async () => {
  const { data } = await withNetwork(NCHW_FLOAT16_PROFILE, predicted);
  expect(relativeError(data, golden("predicted_depth").data)).toBeLessThan(FLOAT16_TOLERANCE);
});

function expectNear({ data, width, height }: GreyImage, wanted: GreyImage): void {
  expect([width, height]).toEqual([wanted.width, wanted.height]);
  const differences = data.map((level, i) => Math.abs(level - wanted.data[i]!));
  expect(Math.max(...new Set(differences))).toBeLessThanOrEqual(1);
  expect(differences.filter((difference) => difference > 0).length).toBeLessThan(data.length * MAX_SHARE_OF_LEVELS);
}

const config = fixtureJson<Record<string, unknown>>(`${MODEL}/config.json`);
const backbone = (change: object) => ({ backbone_config: { ...(config.backbone_config as object), ...change } });

test.each([
  ["depth_estimation_type", { depth_estimation_type: "metric" }],
  ["patch_size", { patch_size: 16 }],
  ["reassemble_factors", { reassemble_factors: [4, 2, 1, 0.3] }],
  ["neck_hidden_sizes", { neck_hidden_sizes: [16, 24] }],
  ["use_swiglu_ffn", backbone({ use_swiglu_ffn: true })],
  ["out_features", backbone({ out_features: ["stage2", "stage1", "stage3", "stage4"] })],
  ["num_attention_heads", backbone({ num_attention_heads: 5 })],
])("an unsupported %s is an error that names it", (key, change) => {
  expect(() => readDepthAnythingConfig(new ModelConfig("config.json", { ...config, ...change }))).toThrow(
    new RegExp(`config.json.*\\b${key}\\b`),
  );
});
