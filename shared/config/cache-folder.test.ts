import { mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidConfig } from "@armature/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultCacheFolder } from "./cache-folder.js";

const uid = process.getuid?.();
let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "armature-folders-"));
});
afterEach(() => rmSync(temporary, { recursive: true }));

const unknown = () => {
  throw new Error("ENOENT: no such file or directory, uv_os_homedir");
};

test("the cache is in the home folder", () => {
  const home = join(temporary, "home");
  expect(defaultCacheFolder({ home: () => home, temporary, uid })).toBe(join(home, ".cache", "armature"));
});

test.each([
  ["is not known", unknown],
  ["is no folder", () => "/dev/null"],
])("a user whose home %s gets a folder that nobody else can read", (_, home) => {
  const folder = defaultCacheFolder({ home, temporary, uid });
  expect(folder).toBe(join(temporary, `armature-${uid}`));
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(defaultCacheFolder({ home, temporary, uid })).toBe(folder);
});

test("a folder that another user has laid there is refused, and so is a link", () => {
  const other = { home: unknown, temporary, uid: 4242 };
  expect(() => defaultCacheFolder(other)).toThrow(InvalidConfig);
  symlinkSync("/", join(temporary, `armature-${uid}`));
  expect(() => defaultCacheFolder({ home: unknown, temporary, uid })).toThrow(/set CACHE_DIR/);
});
