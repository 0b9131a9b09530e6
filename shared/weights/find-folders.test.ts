import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configField, findFolders } from "./find-folders.js";

function folders(configs: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "folders-"));
  for (const [id, config] of Object.entries(configs)) {
    mkdirSync(join(root, id), { recursive: true });
    writeFileSync(join(root, id, "config.json"), config);
  }
  return root;
}

const kindOf = (folder: string) => [configField(folder, "kind")].filter((kind) => typeof kind === "string");

test("folders are found by what they hold, in order, down to the third level, and not inside a find", () => {
  const root = folders({
    ...{ "b/two": '{"kind":"net"}', "a/one": '{"kind":"net"}', "b/two/inside": '{"kind":"net"}' },
    ...{ "x/y/z": '{"kind":"other"}', "x/y/too/deep": '{"kind":"other"}', ".hidden": '{"kind":"net"}' },
    ...{ broken: "{", "broken/below": '{"kind":"net"}', list: "[1]" },
  });
  writeFileSync(join(root, "config.json"), "");
  mkdirSync(join(root, "odd/config.json"), { recursive: true });
  symlinkSync(join(root, "a/one"), join(root, "linked"));
  symlinkSync(join(root, "nowhere"), join(root, "dangling"));
  const { byKind, unreadable } = findFolders(root, kindOf);
  expect(Object.fromEntries(byKind)).toEqual({
    net: ["a/one", "b/two", "broken/below", "linked"],
    other: ["x/y/z"],
  });
  expect(unreadable).toEqual([
    { id: ".", reason: "config.json: cannot be read as JSON" },
    { id: "broken", reason: "config.json: cannot be read as JSON" },
    { id: "list", reason: "config.json: a JSON object was expected" },
    { id: "odd", reason: "config.json: is not a file" },
  ]);
});
