import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { findK6, K6_VERSION } from "./find-k6.js";

function folderWithK6(name: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), "armature-k6-")), name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "k6"), "");
  chmodSync(join(folder, "k6"), 0o755);
  return folder;
}

test("$K6 goes before PATH, and PATH before Go's folder", () => {
  const [named, onPath, goPath] = [folderWithK6("named"), folderWithK6("path"), folderWithK6("go/bin")];
  const env = { PATH: ["/nowhere", onPath].join(delimiter), HOME: join(goPath, "../..") };
  expect(findK6({ ...env, K6: join(named, "k6") })).toBe(join(named, "k6"));
  expect(findK6(env)).toBe(join(onPath, "k6"));
  expect(findK6({ ...env, PATH: "/nowhere" })).toBe(join(goPath, "k6"));
  expect(findK6({ PATH: "", GOBIN: goPath })).toBe(join(goPath, "k6"));
});

test("without k6 the message says how to get it", () => {
  const install = `go install go.k6.io/k6@v${K6_VERSION}`;
  expect(() => findK6({ PATH: "/nowhere", HOME: "/nowhere" })).toThrow(install);
  expect(() => findK6({ K6: "/nowhere/k6" })).toThrow("K6: there is no program /nowhere/k6");
});
