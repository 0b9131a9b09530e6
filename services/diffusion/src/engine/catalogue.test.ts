/** Which ControlNets a UNet takes. */
import { openModelFolder } from "@armature/weights";
import { expect, test } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { readControlNetConfig } from "../networks/controlnet.js";
import { readUNetConfig } from "../networks/unet-config.js";
import { fits } from "./catalogue.js";

const controlnet = readControlNetConfig(openModelFolder(fixturePath("models/controlnet-sd15-random-a")).config);
const unetOf = (name: string) => readUNetConfig(openModelFolder(fixturePath(`models/${name}/unet`)).config);

test("a ControlNet fits the UNet whose encoder it copies", () => {
  expect(fits(controlnet, unetOf("sd15-random"))).toBe(true);
  expect(fits(controlnet, unetOf("sd21-random"))).toBe(false);
});

test("one that attends from another level on does not: the UNet's places of tokens are not its own", () => {
  const unet = unetOf("sd15-random");
  const levels = unet.levels.map((level, i) => (i === 0 ? { ...level, transformerLayers: 0 } : level));
  expect(fits(controlnet, { ...unet, levels })).toBe(false);
});
