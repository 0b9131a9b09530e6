/** Chooses a device that computes rightly, by the setting: checks run in a process of their own, and their results are remembered. */

import { DeviceUnavailable } from "@armature/core";
import { type Allow, type Engine, startEngine } from "@armature/engine";
import { CPU_PROFILE, type DeviceProfile } from "@armature/graph";
import type { DeviceName } from "@armature/runtime";
import { openCheckCache } from "./check-cache.js";
import type { CheckCalls } from "./check-engine.js";
import { deviceIdentity } from "./device-identity.js";
import type { CheckName, CheckResult } from "./run-check.js";
import { type DeviceChoice, proveDevice, type Rejection, type RunCheck } from "./self-check.js";

export interface ChooseDeviceOptions {
  device: DeviceName | "auto";
  threads: number;
  /** Where results are remembered. */
  cacheDir: string;
  /** False: run the checks though they are remembered. */
  useCache?: boolean;
  /** The longest that one check may take, compilation of its shaders included. */
  checkTimeoutMs: number;
  /** Takes one line per check, as it ends. */
  log: (message: string) => void;
}

/**
 * The device to use. `auto` takes the first of CUDA and WebGPU that proves itself and is quicker than the CPU; else the CPU.
 * Throws DeviceUnavailable for a device that was asked for by name and is missing or wrong.
 */
export async function chooseDevice(options: ChooseDeviceOptions): Promise<DeviceChoice> {
  const { device } = options;
  if (device === "cpu") return cpuChoice([]);
  if (device !== "auto") return proved(device, options);
  const rejected: Rejection[] = [];
  for (const candidate of ["cuda", "webgpu"] as const) {
    try {
      const choice = await proved(candidate, options);
      const slower = await whySlower(choice, options);
      if (!slower) return choice;
      rejected.push({ form: candidate, reason: slower });
    } catch (error) {
      if (!(error instanceof DeviceUnavailable)) throw error;
      rejected.push({ form: candidate, reason: error.message });
    }
  }
  return cpuChoice(rejected);
}

function cpuChoice(rejected: Rejection[]): DeviceChoice {
  return { device: "cpu", profile: CPU_PROFILE, checks: [], rejected };
}

async function proved(device: Exclude<DeviceName, "cpu">, options: ChooseDeviceOptions): Promise<DeviceChoice> {
  const cache = openCheckCache(options.cacheDir);
  const key = checkKey(device, process.env);
  const known = options.useCache === false ? undefined : cache.get(key);
  if (known) {
    options.log(`${device}: checked before, with the same adapter, driver and runtime`);
    return known;
  }
  const choice = await withCheckEngine(options, (engine) => proveDevice(device, checkIn(engine, device, options)));
  cache.set(key, choice);
  return choice;
}

/** What the results for a device are remembered under. */
export function checkKey(device: DeviceName, env: Readonly<Record<string, string | undefined>>): string {
  return `${device} ${deviceIdentity(env).key}`;
}

/** Why the device would be a loss, if it would. */
async function whySlower(choice: DeviceChoice, options: ChooseDeviceOptions): Promise<string | undefined> {
  const { device, profile } = choice;
  const { threads } = options;
  const allow = allowanceOf("the measurement of speed", options);
  const speed = await withCheckEngine(options, (engine) =>
    engine.run("speed", { device, profile, threads }, { allow }),
  );
  if (speed.deviceMs < speed.cpuMs) return undefined;
  const [device_, cpu] = [speed.deviceMs, speed.cpuMs].map((ms) => `${ms.toFixed(0)} ms`);
  return `right, but slower than the CPU: ${device_} for a convolution, the CPU ${cpu}`;
}

/** A check tells nothing on its way: the whole of it has one limit. */
const allowanceOf =
  (what: string, { checkTimeoutMs: ms }: ChooseDeviceOptions): Allow =>
  () => ({ what, ms });

async function withCheckEngine<T>(
  { log }: ChooseDeviceOptions,
  use: (engine: Engine<CheckCalls>) => Promise<T>,
): Promise<T> {
  const engine = startEngine<CheckCalls>({
    entry: new URL("./check-engine.js", import.meta.url),
    name: "device check",
    settings: {},
    log: ({ level, message }) => void (level === "error" && log(message)),
  });
  try {
    return await use(engine);
  } finally {
    await engine.stop({ graceMs: 0 });
  }
}

function checkIn(engine: Engine<CheckCalls>, device: DeviceName, options: ChooseDeviceOptions): RunCheck {
  return async (check, profile) => {
    const start = performance.now();
    const result = await engine
      .run(
        "check",
        { check, device, profile, threads: options.threads },
        { allow: allowanceOf(`the check "${check}"`, options) },
      )
      .catch((error: Error) => crashed(error, { check, profile, ms: performance.now() - start }));
    options.log(`${device}: ${resultLine(result)}`);
    return result;
  };
}

/** A check that ended its process, by itself or by the time limit, did not pass; a missing device is no matter of checks. */
function crashed(
  error: Error,
  { check, profile, ms }: { check: CheckName; profile: DeviceProfile; ms: number },
): CheckResult {
  if (error instanceof DeviceUnavailable) throw error;
  const { compute, selfAttention: attention } = profile;
  return { check, compute, attention, passed: false, limit: 0, ms, reason: error.message };
}

/** The result of one check in one line. */
function resultLine({ check, compute, attention, passed, error, ms, reason }: CheckResult): string {
  const form = check === "attention" ? `${attention}, ${compute}` : compute;
  const found = passed ? `right, within ${(error ?? 0).toExponential(1)}` : `wrong: ${reason}`;
  return `${check} (${form}): ${found}, ${(ms / 1000).toFixed(1)} s`;
}
