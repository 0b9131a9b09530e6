/** Runs one check on a device: every case twice, because wrong numbers of a race differ from run to run. */

import { DeviceUnavailable } from "@armature/core";
import type { DeviceProfile } from "@armature/graph";
import { type DeviceName, openSession, type Session } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { attentionForms } from "./checks/attention.js";
import type { Check, CheckCase, Finish } from "./checks/check.js";
import { convolution } from "./checks/convolution.js";
import { download } from "./checks/download.js";
import { groupNormalization } from "./checks/group-norm.js";
import { largestTensor } from "./checks/largest-tensor.js";
import { linearLayers } from "./checks/linear-layers.js";
import { resampling } from "./checks/resampling.js";
import { vaeBlock } from "./checks/vae-block.js";

export const CHECKS = {
  download,
  "linear layers": linearLayers,
  convolution,
  "group norm": groupNormalization,
  attention: attentionForms,
  resampling,
  "VAE block": vaeBlock,
  "largest tensor": largestTensor,
} satisfies Record<string, Check>;

export type CheckName = keyof typeof CHECKS;

/**
 * The largest error, as a share of the largest number of the answer. A wrong fused attention is off by 0.1 and more;
 * WebGPU's float16 sums of 11520 products are off by 0.03.
 */
const LIMITS = { float32: 1e-4, float16: 4e-2 } as const;
const RUNS = 2;

export interface CheckRequest {
  check: CheckName;
  device: DeviceName;
  profile: DeviceProfile;
  /** Threads to compute with, where the device is the CPU. */
  threads: number;
}

export interface CheckResult {
  check: CheckName;
  compute: DeviceProfile["compute"];
  attention: DeviceProfile["selfAttention"];
  passed: boolean;
  /** The largest error of all cases; missing where there was no number to compare. */
  error?: number;
  limit: number;
  ms: number;
  /** Why it did not pass. */
  reason?: string;
}

/** Runs the check's cases until one is wrong. Throws DeviceUnavailable where the device is not there at all. */
export async function runCheck(request: CheckRequest, finish: Finish = (result) => result): Promise<CheckResult> {
  const { check, profile } = request;
  const limit = LIMITS[profile.compute];
  const start = performance.now();
  const outcome = (found: Pick<CheckResult, "passed" | "error" | "reason">): CheckResult => ({
    check,
    compute: profile.compute,
    attention: profile.selfAttention,
    limit,
    ms: performance.now() - start,
    ...found,
  });
  let worst = 0;
  try {
    for (const one of CHECKS[check](profile, finish)) {
      const error = await caseError(one, request);
      worst = Math.max(worst, error);
      if (!(error <= limit)) {
        const off = Number.isFinite(error) ? `off by ${error.toPrecision(2)} of the largest value` : "no number";
        return outcome({ passed: false, error, reason: `${one.label}: ${off}` });
      }
    }
  } catch (error) {
    if (error instanceof DeviceUnavailable) throw error;
    return outcome({ passed: false, reason: (error as Error).message.split("\n", 1)[0]!.slice(0, 300) });
  }
  return outcome({ passed: true, error: worst });
}

async function caseError({ model, feeds, expected }: CheckCase, request: CheckRequest): Promise<number> {
  const { device, threads } = request;
  const session = await openSession(model, { device, threads, weightsFolder: "." });
  try {
    let worst = 0;
    for (let i = 0; i < RUNS; i++) worst = Math.max(worst, relativeError(await answer(session, feeds), expected));
    return worst;
  } finally {
    await session.release();
  }
}

async function answer(session: Session, feeds: CheckCase["feeds"]): Promise<Float32Array> {
  const tensors = Object.entries(feeds).map(([name, { data, shape }]) => [name, new Tensor("float32", data, shape)]);
  const { result } = await session.run(Object.fromEntries(tensors));
  return result!.data as Float32Array;
}

/** Infinity for anything that is no number. */
function relativeError(found: Float32Array, expected: Float32Array | Float64Array): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(found[i]! - expected[i]!);
    if (Number.isNaN(off)) return Number.POSITIVE_INFINITY;
    if (off > difference) difference = off;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}
