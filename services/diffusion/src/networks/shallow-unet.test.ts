/** The shallow UNet against the whole one, whose last layer it is. */
import { CPU_PROFILE, NCHW_PROFILE, takenBytes } from "@armature/graph";
import { float32Bytes, openModelFolder } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { fixturePath, relativeError } from "../../../../testing/golden.js";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { openFolderNetwork } from "../../../../testing/open-folder-network.js";
import { attendedFeed } from "../denoise/attended.js";
import { residualNames, residualPorts } from "./ports/control-residuals.js";
import { lastCrossAttention, promptOf } from "./ports/prompt.js";
import { unetPromptNetwork } from "./prompt-projections.js";
import { shallowUnetNetwork } from "./shallow-unet.js";
import { unetNetwork } from "./unet.js";
import { readUNetConfig } from "./unet-config.js";

/** The same operators over the same numbers; the runtime may fuse them otherwise. */
const TOLERANCE = 1e-6;

const FOLDERS = [
  fixturePath("models/sd15-random/unet"),
  fixturePath("models/sd21-random/unet"),
  `${EMBEDDED_MODELS}tiny-sd/unet`,
];

describe.each([CPU_PROFILE, NCHW_PROFILE].map((profile) => [profile.name, profile] as const))(
  "in the %s profile",
  (_, profile) => {
    test.each(FOLDERS)("with the features of the same step it gives the whole UNet's noise (%s)", async (folder) => {
      const c = readUNetConfig(openModelFolder(folder).config);
      const whole = await openFolderNetwork(unetNetwork, folder, profile);
      const shallow = await openFolderNetwork(shallowUnetNetwork, folder, profile);
      const step = {
        sample: waves([2, c.inChannels, 9, 12]), // odd: the way up meets skips that are not twice as large
        timestep: new Tensor("float32", [301], [1]),
        ...attendedFeed(c, [9, 12], 2),
      };
      const projections = await openFolderNetwork(unetPromptNetwork, folder, profile);
      const prompt = await projections.run({ context: waves([2, 7, c.contextWidth]) });
      const residuals = Object.fromEntries(
        Object.entries(residualPorts(c)).map(([name, port]) => [name, constant(port.neutral!(profile).shape)]),
      );
      const { noise, deep } = await whole.run({ ...step, ...prompt, ...residuals });
      const first = residualNames(c)[0]!;
      const shallowStep = { ...step, ...promptOf(prompt, lastCrossAttention(c)) };
      const found = await shallow.run({ ...shallowStep, [first]: residuals[first]!, deep: deep! });
      expect(relativeError(values(found.noise!), values(noise!))).toBeLessThan(TOLERANCE);

      const other = await shallow.run({ ...shallowStep, [first]: residuals[first]!, deep: scaled(deep!) });
      expect(relativeError(values(other.noise!), values(noise!))).toBeGreaterThan(0.01);
      const uncontrolled = await shallow.run({ ...shallowStep, deep: deep! });
      expect(relativeError(values(uncontrolled.noise!), values(noise!))).toBeGreaterThan(0.01);
    });
  },
);

test("it holds a small part of the weights", () => {
  const { config, weights } = openModelFolder(FOLDERS[2]!);
  const bytes = takenBytes(shallowUnetNetwork.open(config).trace(weights, CPU_PROFILE));
  expect(bytes / float32Bytes(weights)).toBeLessThan(0.06);
});

const values = (tensor: Tensor) => tensor.data as Float32Array;

function waves(shape: number[]): Tensor {
  const size = shape.reduce((product, side) => product * side, 1);
  return new Tensor(
    "float32",
    Float32Array.from({ length: size }, (_, i) => 1.4 * Math.sin(12.9898 * i)),
    shape,
  );
}

/** A residual of one value per channel. */
function constant(shape: readonly number[]): Tensor {
  const channels = shape[1]!;
  return new Tensor(
    "float32",
    Float32Array.from({ length: channels }, (_, i) => 0.3 * Math.cos(i)),
    shape,
  );
}

function scaled({ data, dims }: Tensor): Tensor {
  return new Tensor(
    "float32",
    (data as Float32Array).map((value) => 1.5 * value),
    dims,
  );
}
