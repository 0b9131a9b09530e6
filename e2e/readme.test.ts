/** What the README says of the configuration is what the services read; its two commands are what CI begins with. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configTable } from "@armature/config";
import { expect, test } from "vitest";
import { markdownCommands } from "../scripts/check-docs/commands.js";
import { Config as DiffusionConfig } from "../services/diffusion/src/config.js";
import { Config as PreprocessorConfig } from "../services/preprocessor/src/config.js";

const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8");

test.each([
  ["diffusion", DiffusionConfig],
  ["preprocessor", PreprocessorConfig],
])("the README's table of the %s service's variables is that of its schema", (_, schema) => {
  expect(readme).toContain(configTable(schema));
});

test('CI begins with the commands of the README\'s section "Two commands", word for word', () => {
  const commands = execFileSync("bash", [fileURLToPath(new URL("../.ci/readme-commands", import.meta.url))], {
    encoding: "utf8",
  });
  const section = readme.split(/^## /m).find((text) => text.startsWith("Two commands"))!;
  const fenced = markdownCommands(section).filter((command) => section.includes(`\n${command}\n\`\`\``));
  expect(fenced).toHaveLength(2);
  expect(commands).toBe(`${fenced.join("\n")}\n`);
});
