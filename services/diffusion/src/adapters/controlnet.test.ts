/** Which models a ControlNet steers. */
import { openModelFolder } from "@armature/weights";
import { expect, test, vi } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { sd1 } from "../families/sd1.js";
import { readControlNetConfig } from "../networks/controlnet.js";
import { readUNetConfig } from "../networks/unet-config.js";
import { takesAdapter } from "./index.js";

const config = readControlNetConfig(openModelFolder(fixturePath("models/controlnet-sd15-random-a")).config);
const unetOf = (name: string) => readUNetConfig(openModelFolder(fixturePath(`models/${name}/unet`)).config);
const taken = (unet: ReturnType<typeof unetOf>) =>
  takesAdapter({ family: "sd1", configs: { unet } }, "controlnet", config);

test("a ControlNet fits the UNet whose encoder it copies", () => {
  expect(taken(unetOf("sd15-random"))).toBe(true);
  expect(taken(unetOf("sd21-random"))).toBe(false);
});

test("one that attends from another level on does not: the UNet's places of tokens are not its own", () => {
  const unet = unetOf("sd15-random");
  const levels = unet.levels.map((level, i) => (i === 0 ? { ...level, transformerLayers: 0 } : level));
  expect(taken({ ...unet, levels })).toBe(false);
});

test("a model takes only the kinds of adapters that its family lists", () => {
  const listed = vi.spyOn(sd1, "adapters", "get").mockReturnValue([]);
  expect(taken(unetOf("sd15-random"))).toBe(false);
  listed.mockRestore();
  expect(taken(unetOf("sd15-random"))).toBe(true);
});
