import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { readNeeds } from "./elf.js";
import { libraryClosure } from "./shared-libraries.js";

const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
const binary = (arch: string, file: string) => join(runtime, "bin/napi-v6/linux", arch, file);

test.each(["x64", "arm64"])("the libraries that onnxruntime's %s binding needs are read from the binary", (arch) => {
  const needs = readNeeds(binary(arch, "onnxruntime_binding.node"));
  expect(needs?.interpreter).toBeUndefined();
  expect(needs?.libraries).toEqual(
    expect.arrayContaining(["libonnxruntime.so.1", "libstdc++.so.6", "libgcc_s.so.1", "libc.so.6"]),
  );
  expect(needs?.libraries.every((name) => /^[\w+-]+\.so(\.\d+)+$/.test(name))).toBe(true);
});

test("a program names its loader; a text file needs nothing", () => {
  const file = join(mkdtempSync(join(tmpdir(), "elf-")), "text");
  writeFileSync(file, "#!/bin/sh\n");
  expect(readNeeds(file)).toBeUndefined();
  if (process.platform === "linux") expect(readNeeds(process.execPath)?.interpreter).toMatch(/^\/lib.*ld-/);
});

test("the closure leaves out what the image has, and names what is nowhere", () => {
  const binding = binary("x64", "onnxruntime_binding.node");
  const folder = dirname(binding);
  const has = new Set(readNeeds(binding)?.libraries.filter((name) => name !== "libonnxruntime.so.1"));
  has.add("librt.so.1").add("libdl.so.2").add("libpthread.so.0").add("libm.so.6").add("ld-linux-x86-64.so.2");
  expect(libraryClosure([binding], [folder], has).map(({ name }) => name)).toEqual(["libonnxruntime.so.1"]);
  has.delete("libc.so.6");
  expect(() => libraryClosure([binding], [folder], has)).toThrow(/needs libc\.so\.6, which is not in/);
});
