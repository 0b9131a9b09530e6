/** What the README says of the configuration is what the services read. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configTable } from "@armature/config";
import { expect, test } from "vitest";
import { Config as DiffusionConfig } from "../services/diffusion/src/config.js";
import { Config as PreprocessorConfig } from "../services/preprocessor/src/config.js";

const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");

test.each([
  ["diffusion", DiffusionConfig],
  ["preprocessor", PreprocessorConfig],
])("the README's table of the %s service's variables is that of its schema", (_, schema) => {
  expect(readme).toContain(configTable(schema));
});
