import { mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CPU_PROFILE } from "@armature/graph";
import { afterEach, expect, test, vi } from "vitest";
import { expectAllCame, justBefore } from "../../testing/intrusion.js";
import { openCheckCache } from "./check-cache.js";
import { deviceIdentity } from "./device-identity.js";
import type { DeviceChoice } from "./self-check.js";

vi.mock(import("node:fs"), async (original) => (await import("../../testing/intrusion.js")).watched(await original()));

const folder = mkdtempSync(join(tmpdir(), "armature-checks-"));
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  expectAllCame();
});

const choice: DeviceChoice = { device: "webgpu", profile: CPU_PROFILE, checks: [], rejected: [] };

test("a choice is found again by its key alone, by another process too", () => {
  openCheckCache(folder).set("a", choice);
  expect(openCheckCache(folder).get("a")).toEqual(choice);
  expect(openCheckCache(folder).get("b")).toBeUndefined();
  expect(readdirSync(folder)).toEqual(["device-checks.json"]);
});

test("a process of the same number, in another container, does not write into the same unfinished file", () => {
  justBefore("renameSync", /device-checks\.json\./, () => openCheckCache(folder).set("theirs", choice));
  openCheckCache(folder).set("mine", choice);
  expect(openCheckCache(folder).get("mine")).toEqual(choice);
  expect(readdirSync(folder)).toEqual(["device-checks.json"]);
});

test("a folder that goes before it is written, and a file that goes before it is read, are done without", () => {
  const cache = openCheckCache(folder);
  justBefore("writeFileSync", /device-checks/, () => rmSync(folder, { recursive: true }));
  cache.set("a", choice);
  expect(cache.get("a")).toBeUndefined();
  cache.set("a", choice);
  justBefore("readFileSync", /device-checks/, () => rmSync(folder, { recursive: true }));
  expect(cache.get("a")).toBeUndefined();
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

test.each(["realpathSync", "statSync"])(
  "a driver that an update removes before %s is named without its library",
  (call) => {
    const drivers = mkdtempSync(join(tmpdir(), "armature-drivers-"));
    const [manifest, library] = [join(drivers, "lvp_icd.json"), join(drivers, "library.so")];
    writeFileSync(library, "1");
    writeFileSync(manifest, JSON.stringify({ ICD: { library_path: "./library.so" } }));
    justBefore(call, /library\.so$/, () => unlinkSync(library));
    expect(deviceIdentity({ VK_DRIVER_FILES: manifest }).drivers[0]).toBe("lvp");
    rmSync(drivers, { recursive: true });
  },
);
