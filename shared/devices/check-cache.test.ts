import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CPU_PROFILE } from "@armature/graph";
import { afterAll, afterEach, expect, test } from "vitest";
import { openCheckCache } from "./check-cache.js";
import { deviceIdentity } from "./device-identity.js";
import type { DeviceChoice } from "./self-check.js";

const folder = mkdtempSync(join(tmpdir(), "armature-checks-"));
afterEach(() => rmSync(join(folder, "device-checks.json"), { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

const choice: DeviceChoice = { device: "webgpu", profile: CPU_PROFILE, checks: [], rejected: [] };

test("a choice is found again by its key alone, by another process too", () => {
  openCheckCache(folder).set("a", choice);
  expect(openCheckCache(folder).get("a")).toEqual(choice);
  expect(openCheckCache(folder).get("b")).toBeUndefined();
  expect(readdirSync(folder)).toEqual(["device-checks.json"]);
});

test("only the latest keys are kept", () => {
  const cache = openCheckCache(folder);
  for (let i = 0; i < 20; i++) cache.set(`key ${i}`, choice);
  expect(cache.get("key 3")).toBeUndefined();
  expect(cache.get("key 19")).toEqual(choice);
});

test("a file that is no cache counts as empty, and a folder that cannot be written is done without", () => {
  const cache = openCheckCache(folder);
  cache.set("a", choice);
  writeFileSync(join(folder, "device-checks.json"), "{");
  expect(cache.get("a")).toBeUndefined();
  const impossible = openCheckCache(join(folder, "device-checks.json", "below a file"));
  impossible.set("a", choice);
  expect(impossible.get("a")).toBeUndefined();
});

test("another driver is another identity", () => {
  const drivers = mkdtempSync(join(tmpdir(), "armature-drivers-"));
  const manifest = join(drivers, "lvp_icd.json");
  const identity = (library: string) => {
    writeFileSync(join(drivers, "library.so"), library);
    writeFileSync(manifest, JSON.stringify({ ICD: { library_path: "./library.so" } }));
    return deviceIdentity({ VK_DRIVER_FILES: manifest });
  };
  const first = identity("1");
  expect(first.drivers[0]).toBe("lvp");
  expect(first.runtime).toMatch(/^\d+\.\d+\.\d+$/);
  expect(identity("22").key).not.toBe(first.key);
  expect(deviceIdentity({ VK_DRIVER_FILES: "/none" }).drivers.includes("lvp")).toBe(false);
  rmSync(drivers, { recursive: true });
});
