import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Platform } from "./platform.js";
import { PackageLock, productionPackages } from "./production-packages.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HERE = { os: "linux", arch: process.arch } as Platform;
const X64: Platform = { os: "linux", arch: "x64" };

const lock = (packages: Record<string, object>) => PackageLock.parse({ packages });

test("the walk finds the packages that npm itself would install for a service", () => {
  const own = PackageLock.parse(JSON.parse(readFileSync(`${ROOT}package-lock.json`, "utf8")));
  const args = ["ls", "--omit=dev", "--all", "--parseable", "--workspace", "services/diffusion"];
  const npm = execFileSync("npm", args, { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
  const isPackage = (folder: string) => folder.startsWith("node_modules/") && !folder.includes("@armature/");
  const folders = npm.map((folder) => relative(ROOT, folder)).filter(isPackage);
  expect(folders.length).toBeGreaterThan(50);
  const found = productionPackages(own, ["services/diffusion"], HERE);
  expect(found.filter(isPackage)).toEqual([...new Set(folders)].sort());
  const workspaces = found.filter((folder) => !isPackage(folder));
  expect(workspaces).toContain("services/diffusion");
  expect(workspaces).toContain("shared/graph");
  expect(workspaces).not.toContain("shared/fetch");
});

test("a nested version of a package comes before the one at the root", () => {
  const found = productionPackages(
    lock({
      "services/a": { dependencies: { left: "*", right: "*" } },
      "node_modules/left": { dependencies: { common: "1" } },
      "node_modules/left/node_modules/common": {},
      "node_modules/right": { dependencies: { common: "2" } },
      "node_modules/common": {},
    }),
    ["services/a"],
    X64,
  );
  expect(found).toEqual([
    "node_modules/common",
    "node_modules/left",
    "node_modules/left/node_modules/common",
    "node_modules/right",
    "services/a",
  ]);
});

test("a link is followed to its workspace, and development dependencies stay out", () => {
  const found = productionPackages(
    lock({
      "services/a": { dependencies: { "@x/shared": "*" }, devDependencies: { tester: "*" } },
      "node_modules/@x/shared": { link: true, resolved: "shared" },
      shared: { dependencies: { zod: "*" } },
      "node_modules/zod": {},
      "node_modules/tester": {},
    }),
    ["services/a"],
    X64,
  );
  expect(found).toEqual(["node_modules/zod", "services/a", "shared"]);
});

test("optional packages of another processor, system or C library stay out", () => {
  const packages = lock({
    "services/a": { dependencies: { sharp: "*" } },
    "node_modules/sharp": {
      optionalDependencies: { "s-x64": "*", "s-arm64": "*", "s-musl": "*", "s-mac": "*", absent: "*" },
    },
    "node_modules/s-x64": { os: ["linux"], cpu: ["x64"], libc: ["glibc"] },
    "node_modules/s-arm64": { os: ["linux"], cpu: ["arm64"], libc: ["glibc"] },
    "node_modules/s-musl": { os: ["linux"], cpu: ["x64"], libc: ["musl"] },
    "node_modules/s-mac": { os: ["darwin"], cpu: ["x64"] },
  });
  const natives = (platform: Platform) =>
    productionPackages(packages, ["services/a"], platform).filter((folder) => folder.includes("/s-"));
  expect(natives(X64)).toEqual(["node_modules/s-x64"]);
  expect(natives({ os: "linux", arch: "arm64" })).toEqual(["node_modules/s-arm64"]);
});

test("what only an install script uses stays out, unless something else needs it", () => {
  const packages = {
    "services/a": { dependencies: { runtime: "*" } },
    "node_modules/runtime": { dependencies: { unzip: "*", common: "*" } },
    "node_modules/unzip": {},
    "node_modules/common": {},
  };
  const installTime = { runtime: ["unzip"] };
  expect(productionPackages(lock(packages), ["services/a"], X64, installTime)).not.toContain("node_modules/unzip");
  const used = { ...packages, "node_modules/common": { dependencies: { unzip: "*" } } };
  expect(productionPackages(lock(used), ["services/a"], X64, installTime)).toContain("node_modules/unzip");
});

test("a dependency that the lock file lacks is named", () => {
  const packages = lock({ "services/a": { dependencies: { gone: "*" } } });
  expect(() => productionPackages(packages, ["services/a"], X64)).toThrow("services/a: needs gone");
});
