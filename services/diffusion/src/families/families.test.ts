/** How checkpoints are recognised, and read as their families say. */
import { ModelConfig } from "@armature/weights";
import { expect, test } from "vitest";
import { fixturePath } from "../../../../testing/golden.js";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { readCheckpoint } from "./index.js";

/** The checkpoint, and the files that were read for it. */
function read(folder: string) {
  const files: string[] = [];
  const configOf = (name: string) => {
    files.push(name);
    return ModelConfig.read(`${folder}/${name}/config.json`);
  };
  return { ...readCheckpoint(configOf, folder), files };
}

test.each([
  [`${EMBEDDED_MODELS}tiny-sd`, "sd1"],
  [fixturePath("models/sd15-random"), "sd1"],
  [fixturePath("models/sd21-random"), "sd2"],
])("%s is of the family %s", (folder, id) => {
  const { family, files, configs } = read(folder);
  expect(family.id).toBe(id);
  expect(files).toEqual(["text_encoder", "unet", "vae"]); // each once
  expect(Object.keys(configs)).toEqual(Object.keys(family.components));
});

test("the latent space is that of the checkpoint's VAE", () => {
  const { family, configs } = read(fixturePath("models/sd15-random"));
  const { latentChannels: channels, scale, scalingFactor } = configs.vae;
  expect(family.latentSpace(configs)).toEqual({ channels, scale, scalingFactor });
});
