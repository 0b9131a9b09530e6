/** Which convolutions of the full-size networks take Winograd's form with prepared weights. */
import { expect, test } from "vitest";
import { fullSizeConfigs } from "../bench/configs.js";
import { tunedLayers } from "./layers.js";
import { type TunedNetwork, tunedNetworks } from "./networks.js";

/** The shapes in Winograd's form, each as `side: inputs to outputs, number`, in a picture of 512x512 pixels. */
function inWinogradsForm({ network, sizesAt }: TunedNetwork): string[] {
  return tunedLayers(network, sizesAt(512))
    .flatMap(({ shape, count, chosen }) =>
      shape.kind === "convolution" && chosen === "winograd"
        ? [`${shape.height}: ${shape.inputs} to ${shape.outputs}, ${count}`]
        : [],
    )
    .sort();
}

const NAMES = ["unet", "VAE decoder", "DPT"];
const [unet, vae, dpt] = tunedNetworks(NAMES, fullSizeConfigs()) as [TunedNetwork, TunedNetwork, TunedNetwork];

test("of the UNet: sides of 32 and 64 in a picture of 512x512 pixels", () => {
  expect(inWinogradsForm(unet)).toEqual([
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
  expect(inWinogradsForm(vae)).toEqual([
    "128: 512 to 512, 7",
    "256: 256 to 256, 5",
    "256: 512 to 256, 1",
    "256: 512 to 512, 1",
    "64: 512 to 512, 10",
  ]);
});

test("of DPT-large: sides of 48 to 192 in the picture that it was trained on, 24 patches of 16 pixels", () => {
  expect(inWinogradsForm(dpt)).toEqual([
    "192: 256 to 128, 1",
    "48: 256 to 256, 4",
    "48: 512 to 256, 1",
    "96: 256 to 256, 5",
  ]);
});
