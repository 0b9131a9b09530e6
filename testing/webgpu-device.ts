/** Whether a WebGPU device is here for tests; with REQUIRE_DEVICE set, as in CI, a missing one is a failure. */
import { DeviceUnavailable } from "@armature/core";
import { DEVICE_FORMS } from "@armature/devices";
import type { DeviceProfile } from "@armature/graph";
import { expect, test } from "vitest";
import { runCheck } from "../shared/devices/run-check.js";

export const WEBGPU_FLOAT32 = DEVICE_FORMS.webgpu.plain;
export const WEBGPU_FLOAT16: DeviceProfile = { ...WEBGPU_FLOAT32, name: "webgpu-float16", compute: "float16" };

/** Software devices compile each shader at its first use, for a minute in all when their cache is empty. */
export const DEVICE_TIMEOUT_MS = 300_000;

/** Why tests on a device cannot run here; undefined where they can. A test of its own says that `what` is left out. */
export async function missingDevice(what: string): Promise<string | undefined> {
  const missing = await whyNoDevice();
  test("the device tests run, or say why they are left out", () => {
    if (missing) console.warn(`\nLEFT OUT: ${what}. ${missing}\n`);
    expect(missing === undefined || process.env.REQUIRE_DEVICE === undefined, missing).toBe(true);
  });
  return missing;
}

async function whyNoDevice(): Promise<string | undefined> {
  try {
    const check = await runCheck({ check: "download", device: "webgpu", profile: WEBGPU_FLOAT32, threads: 1 });
    return check.passed ? undefined : check.reason;
  } catch (error) {
    if (error instanceof DeviceUnavailable) return error.message;
    throw error;
  }
}
