/** Names that lead to something else than a small file: each is refused at once. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidModel } from "@armature/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ModelConfig } from "./model-config.js";
import { openModelFolder } from "./model-folder.js";
import { readSafetensorsHeader } from "./safetensors.js";
import { readSmallFile, readSmallFileIfThere } from "./small-file.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "small-file-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

test("a file up to the limit is read, and a larger one refused with its size", () => {
  writeFileSync(at("config.json"), '{"ä":1}');
  expect(readSmallFile(at("config.json"))).toBe('{"ä":1}');
  expect(readSmallFile(at("config.json"), 8)).toBe('{"ä":1}');
  expect(() => readSmallFile(at("config.json"), 7)).toThrow(`${at("config.json")}: has 8 bytes; at most 7 are read`);
});

const ODD: Record<string, (path: string) => void> = {
  "a pipe that nobody writes": (path) => void execFileSync("mkfifo", [path]),
  "a link to a device without end": (path) => symlinkSync("/dev/zero", path),
  "a folder": (path) => mkdirSync(path),
};

test.each(Object.keys(ODD))("%s is refused at once, as a config, an index and as weights", (kind) => {
  for (const name of ["config.json", "model.safetensors.index.json", "model.safetensors"]) ODD[kind]!(at(name));
  for (const read of [readSmallFile, readSmallFileIfThere, ModelConfig.read]) {
    expect(() => read(at("config.json"))).toThrow(new InvalidModel(`${at("config.json")}: is not a file`));
  }
  expect(() => readSafetensorsHeader(at("model.safetensors"))).toThrow("model.safetensors: is not a file");
  rmSync(at("model.safetensors"), { recursive: true });
  rmSync(at("config.json"), { recursive: true });
  writeFileSync(at("config.json"), "{}");
  expect(() => openModelFolder(folder)).toThrow("model.safetensors.index.json: is not a file");
});

test("a file that is not there is told from one that cannot be read", () => {
  expect(readSmallFileIfThere(at("armature.json"))).toBeUndefined();
  expect(() => readSmallFile(at("armature.json"))).toThrow("armature.json: cannot be opened (ENOENT)");
});

test("a config of more than a megabyte is refused before it is parsed", () => {
  writeFileSync(at("config.json"), `{"a": "${"x".repeat(2 ** 20)}"}`);
  expect(() => ModelConfig.read(at("config.json"))).toThrow("at most 1048576 are read");
});
