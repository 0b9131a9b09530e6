/**
 * A GPU without float16 has no kernel that reads or gives it: in a graph in float32, whatever the file holds is widened when the
 * graph is loaded, and no node that runs touches it.
 */

import { DEVICE_FORMS } from "@armature/devices";
import { CPU_PROFILE, type DeviceProfile, type GraphTrace, NCHW_FLOAT16_PROFILE } from "@armature/graph";
import { type ModelConfig, openModelFolder, type SafetensorsHeader } from "@armature/weights";
import { expect, test } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { runTimeTypes } from "../../../../testing/run-time-types.js";
import { clipTextModel, readClipTextConfig } from "./clip-text.js";
import { conditioningEmbeddingModel, controlnetModel, readControlNetConfig } from "./controlnet.js";
import { promptProjectionsModel } from "./prompt-projections.js";
import { unetModel } from "./unet.js";
import { readUNetConfig } from "./unet-config.js";
import { readVaeConfig, vaeDecoderModel } from "./vae.js";

type Write = (weights: SafetensorsHeader, config: ModelConfig, profile: DeviceProfile) => Uint8Array;

const NETWORKS: [name: string, folder: string, write: Write][] = [
  ["the text encoder", "tiny-sd/text_encoder", (w, config, p) => clipTextModel(w, readClipTextConfig(config), p)],
  ["the UNet", "tiny-sd/unet", (w, config, p) => unetModel(w, readUNetConfig(config), p)],
  ["its prompt", "tiny-sd/unet", (w, config, p) => promptProjectionsModel(w, readUNetConfig(config), p)],
  ["the VAE's decoder", "tiny-sd/vae", (w, config, p) => vaeDecoderModel(w, readVaeConfig(config), p)],
  ["a ControlNet", "controlnet-depth", (w, config, p) => controlnetModel(w, readControlNetConfig(config), p)],
  ["its hint", "controlnet-depth", (w, config, p) => conditioningEmbeddingModel(w, readControlNetConfig(config), p)],
];

function typesOf(folder: string, write: Write, profile: DeviceProfile) {
  const { config, weights } = openModelFolder(fixturePath(`../models/${folder}`));
  let trace: GraphTrace | undefined;
  const traced = { ...weights, traced: (built: GraphTrace) => (trace = built) };
  write(traced, config, { ...profile, sizes: { B: 2, H: 16, W: 16, S: 77, T: 64 } });
  return runTimeTypes(trace!);
}

test.each(NETWORKS)("%s in float32 needs no float16 of a GPU, though its file holds it", (_, folder, write) => {
  for (const { plain } of Object.values(DEVICE_FORMS)) {
    const types = typesOf(folder, write, plain);
    expect(types).toContain("float32");
    expect(types).not.toContain("float16");
  }
  expect(typesOf(folder, write, NCHW_FLOAT16_PROFILE)).toContain("float16");
});

test("the CPU reads the text encoder's table as its file holds it, in half the memory", () => {
  const [, folder, write] = NETWORKS[0]!;
  expect(typesOf(folder, write, CPU_PROFILE)).toContain("float16");
});
