/** How checkpoints are recognised. */
import { openModelFolder } from "@armature/weights";
import { expect, test } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { readClipTextConfig } from "../networks/clip-text.js";
import { readUNetConfig } from "../networks/unet-config.js";
import { readVaeConfig } from "../networks/vae.js";
import { recogniseFamily } from "./index.js";
import { sd1 } from "./sd1.js";

function configsOf(folder: string) {
  const config = (part: string) => openModelFolder(`${folder}/${part}`).config;
  return {
    text: readClipTextConfig(config("text_encoder")),
    unet: readUNetConfig(config("unet")),
    vae: readVaeConfig(config("vae")),
  };
}

test.each([
  [`${EMBEDDED_MODELS}tiny-sd`, "sd1"],
  [fixturePath("models/sd15-random"), "sd1"],
  [fixturePath("models/sd21-random"), "sd2"],
])("%s is of the family %s", (folder, id) => {
  expect(recogniseFamily(configsOf(folder), folder).id).toBe(id);
});

test("the latent space is that of the checkpoint's VAE", () => {
  const configs = configsOf(fixturePath("models/sd15-random"));
  const { latentChannels: channels, scale, scalingFactor } = configs.vae;
  expect(sd1.latentSpace(configs)).toEqual({ channels, scale, scalingFactor });
});
