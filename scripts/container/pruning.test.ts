import { expect, test } from "vitest";
import type { Platform } from "./platform.js";
import { belongsInImage } from "./pruning.js";

const X64: Platform = { os: "linux", arch: "x64" };

test("onnxruntime-node keeps the binaries of one platform, and no install script", () => {
  const kept = (path: string, arch: Platform["arch"] = "x64") =>
    belongsInImage("onnxruntime-node", path, { os: "linux", arch });
  expect(kept("bin/napi-v6/linux/x64/libonnxruntime.so.1")).toBe(true);
  expect(kept("bin/napi-v6/linux/arm64/libonnxruntime.so.1")).toBe(false);
  expect(kept("bin/napi-v6/linux/arm64/libonnxruntime.so.1", "arm64")).toBe(true);
  expect(kept("bin/napi-v6/win32/x64/onnxruntime.dll")).toBe(false);
  expect(kept("script/install.js")).toBe(false);
  expect(kept("dist/index.js")).toBe(true);
});

test("types, maps, documents and tests go; code, data and licences stay", () => {
  const kept = (path: string) => belongsInImage("some-package", path, X64);
  for (const path of [
    "index.d.ts",
    "lib/index.d.mts",
    "index.js.map",
    "README.md",
    "test/data.json",
    ".eslintrc",
    "src/index.ts",
  ]) {
    expect(kept(path), path).toBe(false);
  }
  for (const path of ["index.js", "lib/index.cjs", "data.json", "LICENSE", "build/addon.node", "lib/contest.js"]) {
    expect(kept(path), path).toBe(true);
  }
});

test("zod keeps what an ES module loads", () => {
  const kept = (path: string) => belongsInImage("zod", path, X64);
  expect(["index.js", "v4/classic/schemas.js", "v4/locales/en.js"].every(kept)).toBe(true);
  expect(["index.cjs", "v4/locales/en.cjs", "v3/types.js"].some(kept)).toBe(false);
});

test("of a scope's packages only the modules that Node loads stay", () => {
  expect(belongsInImage("@smithy/core", "dist-cjs/index.js", X64)).toBe(true);
  expect(belongsInImage("@smithy/core", "dist-es/index.js", X64)).toBe(false);
  expect(belongsInImage("other", "dist-es/index.js", X64)).toBe(true);
});
