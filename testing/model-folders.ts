/** The fixture models as a service would find them: the tokenizers share one vocabulary, which lies with the embedded model. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fixturePath } from "./golden.js";

export const EMBEDDED_MODELS = fileURLToPath(new URL("../models/", import.meta.url));

/** A folder with the models of fixtures/models, complete with tokenizers; `remove` deletes it. */
export function fixtureModels(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "armature-models-"));
  for (const name of readdirSync(fixturePath("models"))) {
    mkdirSync(join(folder, name));
    for (const entry of readdirSync(fixturePath(`models/${name}`))) {
      symlinkSync(fixturePath(`models/${name}/${entry}`), join(folder, name, entry));
    }
  }
  linkTokenizer(join(folder, "sd15-random"), join(EMBEDDED_MODELS, "tiny-sd/tokenizer"));
  linkTokenizer(join(folder, "sd21-random"), fixturePath("tokenizer/sd21"));
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

/** Gives a fixture model a tokenizer, with the configs that lie in `configs`. */
export function linkTokenizer(model: string, configs: string): void {
  const target = join(model, "tokenizer");
  mkdirSync(target);
  for (const name of ["vocab.json", "merges.txt"])
    symlinkSync(join(EMBEDDED_MODELS, "tiny-sd/tokenizer", name), join(target, name));
  for (const name of ["tokenizer_config.json", "special_tokens_map.json"])
    symlinkSync(join(configs, name), join(target, name));
}
