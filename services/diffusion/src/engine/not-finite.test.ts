/** One NaN among the weights of a network: no picture, and the network is named. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotFinite } from "@armature/core";
import { CPU_PROFILE } from "@armature/graph";
import { afterEach, beforeEach, expect, test } from "vitest";
import { embeddedControl, openEmbedded, type RequestChange } from "../../../../testing/embedded-pipeline.js";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { poisonWeight } from "../../../../testing/poison-weight.js";

let modelsDir: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), "poisoned-"));
  for (const name of ["tiny-sd", "controlnet-depth", "controlnet-canny"]) {
    cpSync(join(EMBEDDED_MODELS, name), join(modelsDir, name), { recursive: true });
  }
});
afterEach(() => rmSync(modelsDir, { recursive: true }));

async function drawWith(change: RequestChange) {
  const { bench, draw } = openEmbedded({ profile: CPU_PROFILE, threads: 2 }, modelsDir);
  try {
    return await draw({ numInferenceSteps: 2, ...change });
  } finally {
    await bench.release();
  }
}

const both = { controls: [embeddedControl("canny"), embeddedControl("depth")] };

test.each<[folder: string, key: string, request: RequestChange, name: string]>([
  ["tiny-sd/text_encoder", "text_model.encoder.layers.0.mlp.fc1.bias", {}, "text encoder of tiny-sd"],
  ["tiny-sd/unet", "conv_in.bias", {}, "UNet of tiny-sd"],
  ["tiny-sd/unet", "conv_out.weight", both, "UNet of tiny-sd"],
  ["tiny-sd/vae", "decoder.conv_in.bias", {}, "VAE decoder of tiny-sd"],
  ["tiny-sd/vae", "encoder.conv_in.bias", { strength: 0.5 }, "VAE encoder of tiny-sd"],
  ["controlnet-depth", "controlnet_mid_block.bias", both, "ControlNet of controlnet-depth"],
  ["controlnet-canny", "controlnet_down_blocks.0.bias", both, "ControlNet of controlnet-canny"],
  ["controlnet-canny", "controlnet_cond_embedding.conv_in.bias", both, "ControlNet of controlnet-canny"],
])("in %s, %s", async (folder, key, request, name) => {
  const weights = readdirSync(join(modelsDir, folder)).find((file) => file.endsWith(".safetensors"))!;
  poisonWeight(join(modelsDir, folder, weights), key);
  const error = await drawWith(request).catch((error) => error);
  expect(error).toBeInstanceOf(NotFinite);
  expect(error.message).toContain(`The ${name} gave numbers that are not finite`);
});
