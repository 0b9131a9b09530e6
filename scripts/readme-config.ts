/** `npm run readme-config`: writes the services' tables of variables into the README, from their schemas. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { configTable } from "@armature/config";
import { Config as DiffusionConfig } from "@armature/diffusion/config";
import { Config as PreprocessorConfig } from "@armature/preprocessor/config";

const HELP = "Writes the services' tables of environment variables into README.md, from the schemas that read them.";

const README = fileURLToPath(new URL("../../README.md", import.meta.url));

/** The table stands between this heading line and the next blank line. */
function replaceTable(text: string, heading: string, table: string): string {
  const pattern = new RegExp(`(^${heading}:\\n\\n)(?:\\|.*\\n)+`, "m");
  if (!pattern.test(text)) throw new Error(`README.md has no table after "${heading}:"`);
  return text.replace(pattern, (_, start: string) => `${start}${table}\n`);
}

function writeTables(): void {
  const withDiffusion = replaceTable(readFileSync(README, "utf8"), "Diffusion", configTable(DiffusionConfig));
  writeFileSync(README, replaceTable(withDiffusion, "Preprocessor", configTable(PreprocessorConfig)));
}

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
if (values.help) console.log(HELP);
else writeTables();
