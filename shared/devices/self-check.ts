/** Decides by checks in which forms a device computes rightly. A form that does not pass is left out, and named. */
import { DeviceUnavailable } from "@armature/core";
import type { DeviceProfile } from "@armature/graph";
import type { DeviceName } from "@armature/runtime";
import { DEVICE_FORMS } from "./device-profiles.js";
import type { CheckName, CheckResult } from "./run-check.js";

/** What a device was found fit for. */
export interface DeviceChoice {
  device: DeviceName;
  profile: DeviceProfile;
  /** The VAE's own, where it needs more digits than the rest. */
  vaeProfile?: DeviceProfile;
  checks: CheckResult[];
  /** What was tried and left out, and why. */
  rejected: Rejection[];
}

export interface Rejection {
  /** Form that the check is about, such as `fused attention`, `float16` or `webgpu`. */
  form: string;
  reason: string;
}

export type RunCheck = (check: CheckName, profile: DeviceProfile) => Promise<CheckResult>;

const ALL: CheckName[] = [
  "download",
  "linear layers",
  "convolution",
  "group norm",
  "attention",
  "resampling",
  "VAE block",
];
/** Activations of the VAE are out of float16's reach on some devices; it has a profile of its own. */
const BUT_VAE: CheckName[] = ["linear layers", "convolution", "group norm", "attention", "resampling"];
/** Shares of the largest planned tensor, tried in turn: where one fails, a smaller one is planned. */
const TENSOR_SHARES = [1, 1 / 4, 1 / 16];

/**
 * Checks the forms of a device, from the plainest to the quickest. Throws DeviceUnavailable where the device is missing, or where even the plainest
 * form is wrong.
 */
export async function proveDevice(device: Exclude<DeviceName, "cpu">, run: RunCheck): Promise<DeviceChoice> {
  const { plain, halfVae } = DEVICE_FORMS[device];
  const checks: CheckResult[] = [];
  const rejected: Rejection[] = [];

  /** The first of the checks that fails, if one does. */
  async function failureOf(names: readonly CheckName[], profile: DeviceProfile): Promise<CheckResult | undefined> {
    for (const name of names) {
      const result = await run(name, profile);
      checks.push(result);
      if (!result.passed) return result;
    }
    return undefined;
  }

  /** `better` where its checks pass; else `known`. */
  async function tryForm(form: string, names: readonly CheckName[], known: DeviceProfile, better: DeviceProfile) {
    const failure = await failureOf(names, better);
    if (!failure) return better;
    rejected.push({ form, reason: reasonOf(failure) });
    return known;
  }

  const wrong = await failureOf(ALL, plain);
  if (wrong) throw new DeviceUnavailable(`The ${device} device computes wrongly: ${reasonOf(wrong)}`);
  const single = await largestThatPasses();
  const half: DeviceProfile = { ...single, name: `${single.name}-float16`, compute: "float16" };
  const typed = await tryForm("float16", BUT_VAE, single, half);
  const fused: DeviceProfile = { ...typed, selfAttention: "fused", crossAttention: "fused" };
  const profile = await tryForm("fused attention", ["attention"], typed, fused);
  // one head over all pixels is no size of the attention check: the VAE keeps to the plain form
  const halfVaeTried = halfVae && typed !== single;
  const vaeProfile = halfVaeTried ? await tryForm("float16 VAE", ["VAE block"], single, typed) : single;
  return { device, profile, vaeProfile, checks, rejected };

  async function largestThatPasses(): Promise<DeviceProfile> {
    const { maxTensorBytes } = plain;
    if (maxTensorBytes === undefined) return plain;
    for (const share of TENSOR_SHARES) {
      const sized = { ...plain, maxTensorBytes: maxTensorBytes * share };
      const failure = await failureOf(["largest tensor"], sized);
      if (!failure) return sized;
      const form = `tensors of ${Math.floor(sized.maxTensorBytes / 2 ** 20)} MiB`;
      rejected.push({ form, reason: reasonOf(failure) });
    }
    throw new DeviceUnavailable(`The ${device} device computes wrongly: ${rejected.at(-1)!.reason}`);
  }
}

function reasonOf({ check, compute, attention, reason }: CheckResult): string {
  const form = check === "attention" ? `${attention}, ${compute}` : compute;
  return `${check} (${form}): ${reason ?? "failed"}`;
}
