import { CPU_INT8_PROFILE, graphMemory, type WeightSource } from "@armature/graph";
import { float32Bytes, openModelFolder } from "@armature/weights";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { controlnetModel, readControlNetConfig } from "./controlnet.js";
import { int8Bytes } from "./int8-bytes.js";
import { promptProjectionsModel } from "./prompt-projections.js";
import { unetModel } from "./unet.js";
import { readUNetConfig } from "./unet-config.js";

const profile = { ...CPU_INT8_PROFILE, sizes: { B: 2, H: 8, W: 8, S: 77, T: 16 } };

/** Factors of the channels, index tables and other constants. */
const OTHER_CONSTANTS = 0.04;

/** What the graph keeps once constants are folded. */
function folded(weights: WeightSource, write: (weights: WeightSource) => Uint8Array): number {
  let bytes = 0;
  write({ ...weights, traced: (trace) => (bytes = graphMemory(trace, { openInputs: "single" }).weightBytes) });
  return bytes;
}

test("the bytes of a UNet and a ControlNet in 8 bits are those that their graphs keep", () => {
  const unet = openModelFolder(`${EMBEDDED_MODELS}tiny-sd/unet`);
  const unetConfig = readUNetConfig(unet.config);
  const wanted =
    folded(unet.weights, (weights) => unetModel(weights, unetConfig, profile)) +
    folded(unet.weights, (weights) => promptProjectionsModel(weights, unetConfig, profile));
  expect(int8Bytes(unet.weights) / wanted).toBeGreaterThan(1 - OTHER_CONSTANTS);
  expect(int8Bytes(unet.weights) / wanted).toBeLessThan(1);
  expect(int8Bytes(unet.weights) / float32Bytes(unet.weights)).toBeLessThan(0.4);

  const net = openModelFolder(`${EMBEDDED_MODELS}controlnet-depth`);
  const netConfig = readControlNetConfig(net.config);
  const embedding = [...net.weights.tensors].filter(([key]) => key.startsWith("controlnet_cond_embedding."));
  const own =
    folded(net.weights, (weights) => controlnetModel(weights, netConfig, profile)) +
    folded(net.weights, (weights) => promptProjectionsModel(weights, netConfig, profile));
  const whole = own + float32Bytes({ ...net.weights, tensors: new Map(embedding) });
  expect(int8Bytes(net.weights) / whole).toBeGreaterThan(1 - OTHER_CONSTANTS);
  expect(int8Bytes(net.weights) / whole).toBeLessThan(1);
});
