/** What is reckoned of networks in 8 bits, beside what their graphs in 8 bits keep. */
import { CPU_INT8_PROFILE, CPU_PROFILE, graphMemory, takenBytes, takenInt8Bytes } from "@armature/graph";
import { openModelFolder } from "@armature/weights";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { controlnetNetwork } from "./controlnet.js";
import { controlnetPromptNetwork, unetPromptNetwork } from "./prompt-projections.js";
import { shallowUnetNetwork } from "./shallow-unet.js";
import { unetNetwork } from "./unet.js";

const SIZES = { B: 2, H: 8, W: 8, S: 77, T: 16 };

/** Index tables and other constants; of the shallow UNet, which is small, they are a larger share. */
const OTHER_CONSTANTS = 0.04;
const OF_SHALLOW = 0.05;

const UNET = `${EMBEDDED_MODELS}tiny-sd/unet`;
const CONTROLNET = `${EMBEDDED_MODELS}controlnet-depth`;

test.each([
  [unetNetwork, UNET, OTHER_CONSTANTS],
  [unetPromptNetwork, UNET, OTHER_CONSTANTS],
  [shallowUnetNetwork, UNET, OF_SHALLOW],
  [controlnetNetwork, CONTROLNET, OTHER_CONSTANTS],
  [controlnetPromptNetwork, CONTROLNET, OTHER_CONSTANTS],
])("the bytes of $name in 8 bits are those that its graph keeps", (network, folder, others) => {
  const { config, weights } = openModelFolder(folder);
  const configured = network.open(config);
  const exact = configured.trace(weights, CPU_PROFILE);
  const int8 = configured.trace(weights, { ...CPU_INT8_PROFILE, sizes: configured.ownSizes(SIZES) });
  const kept = graphMemory(int8, { openInputs: "single" }).weightBytes;
  expect(takenInt8Bytes(exact)).toBe(takenInt8Bytes(int8));
  expect(takenInt8Bytes(exact) / kept).toBeGreaterThan(1 - others);
  expect(takenInt8Bytes(exact) / kept).toBeLessThanOrEqual(1);
  expect(takenInt8Bytes(exact) / takenBytes(exact)).toBeLessThan(0.5);
});
