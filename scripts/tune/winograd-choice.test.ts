/** Which convolutions of the full-size networks take Winograd's form with prepared weights. */
import { dptNetwork } from "@armature/preprocessor/networks/dpt";
import { ModelConfig } from "@armature/weights";
import { expect, test } from "vitest";
import { DPT_CONFIGS } from "../bench/dpt-models.js";
import { type TunedNetwork, tunedLayers } from "./layers.js";
import { tunedParts } from "./parts.js";

/** Each shape, as `side: inputs to outputs, number`, at the sizes given. */
function inWinogradsForm(network: TunedNetwork, sizes: Readonly<Record<string, number>>): string[] {
  return tunedLayers(network, sizes)
    .flatMap(({ shape, count, chosen }) =>
      shape.kind === "convolution" && chosen === "winograd"
        ? [`${shape.height}: ${shape.inputs} to ${shape.outputs}, ${count}`]
        : [],
    )
    .sort();
}

const [unet, vae] = tunedParts("sd15");

test("of the UNet: sides of 32 and 64 in a picture of 512x512 pixels", () => {
  expect(inWinogradsForm(unet!.network, unet!.sizesOf(512))).toEqual([
    "32: 1280 to 1280, 1",
    "32: 1280 to 640, 1",
    "32: 1920 to 640, 1",
    "32: 320 to 640, 1",
    "32: 640 to 640, 6",
    "32: 960 to 640, 1",
    "64: 320 to 320, 7",
    "64: 640 to 320, 2",
    "64: 640 to 640, 1",
    "64: 960 to 320, 1",
  ]);
});

test("of the VAE's decoder: sides of 64 to 256", () => {
  expect(inWinogradsForm(vae!.network, vae!.sizesOf(512))).toEqual([
    "128: 512 to 512, 7",
    "256: 256 to 256, 5",
    "256: 512 to 256, 1",
    "256: 512 to 512, 1",
    "64: 512 to 512, 10",
  ]);
});

test("of DPT-large: sides of 48 to 192 in the picture that it was trained on, 24 patches of 16 pixels", () => {
  const dpt = dptNetwork.open(new ModelConfig("dpt", DPT_CONFIGS.large));
  expect(inWinogradsForm(dpt, { B: 1, H: 24, W: 24 })).toEqual([
    "192: 256 to 128, 1",
    "48: 256 to 256, 4",
    "48: 512 to 256, 1",
    "96: 256 to 256, 5",
  ]);
});
