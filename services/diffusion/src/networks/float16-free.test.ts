/**
 * A GPU without float16 has no kernel that reads or gives it: in a graph in float32, whatever the file holds is widened when the
 * graph is loaded, and no node that runs touches it.
 */

import { DEVICE_FORMS } from "@armature/devices";
import { CPU_PROFILE, type DeviceProfile, NCHW_FLOAT16_PROFILE, type Network } from "@armature/graph";
import { openModelFolder } from "@armature/weights";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { runTimeTypes } from "../../../../testing/run-time-types.js";
import { NETWORKS } from "./index.js";

const FOLDERS = {
  text_encoder: "tiny-sd/text_encoder",
  unet: "tiny-sd/unet",
  vae: "tiny-sd/vae",
  controlnet: "controlnet-depth",
};

const CASES = Object.entries(FOLDERS).flatMap(([kind, folder]) =>
  NETWORKS[kind as keyof typeof NETWORKS].map((network): [string, string, Network] => [network.name, folder, network]),
);

function typesOf(folder: string, network: Network, profile: DeviceProfile) {
  const { config, weights } = openModelFolder(`${EMBEDDED_MODELS}${folder}`);
  const configured = network.open(config);
  const sizes = configured.ownSizes({ B: 2, H: 16, W: 16, S: 77, T: 64 });
  return runTimeTypes(configured.trace(weights, { ...profile, sizes }));
}

test.each(CASES)("%s in float32 needs no float16 of a GPU, though %s holds it", (_, folder, network) => {
  for (const { plain } of Object.values(DEVICE_FORMS)) {
    const types = typesOf(folder, network, plain);
    expect(types).toContain("float32");
    expect(types).not.toContain("float16");
  }
  expect(typesOf(folder, network, NCHW_FLOAT16_PROFILE)).toContain("float16");
});

test("the CPU reads the text encoder's table as its file holds it, in half the memory", () => {
  const [, folder, network] = CASES[0]!;
  expect(typesOf(folder, network, CPU_PROFILE)).toContain("float16");
});
