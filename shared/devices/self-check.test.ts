/** Every check run on the CPU, right and deliberately wrong: what a wrong form leads to does not depend on the device. */
import { DeviceUnavailable } from "@armature/core";
import { type DeviceProfile, mul } from "@armature/graph";
import { describe, expect, test } from "vitest";
import type { Finish } from "./checks/check.js";
import { DEVICE_FORMS } from "./device-profiles.js";
import { CHECKS, type CheckName, type CheckResult, runCheck } from "./run-check.js";
import { proveDevice, type RunCheck } from "./self-check.js";

/** A result somewhat too large: what the most lenient limit, that of float16, must notice. */
const TOO_LARGE: Finish = (result) => mul(result, result.graph.floats([1.125], []));
const NO_NUMBER: Finish = (result) => mul(result, result.graph.floats([Number.NaN], []));

/** The largest tensor is made small: its size is the device's matter, not the CPU's. */
const SMALL_TENSOR = 2 ** 20;

interface Form {
  check: CheckName;
  compute: DeviceProfile["compute"];
  attention: DeviceProfile["selfAttention"];
}

/** The checks of both devices in all their forms are the same few: each is computed once, and once with a wrong graph. */
const results = new Map<string, CheckResult>();

const keyOf = (check: CheckName, { compute, selfAttention }: DeviceProfile, wrong: boolean) =>
  [check, compute, selfAttention, wrong].join();

async function onCpu(check: CheckName, profile: DeviceProfile, wrong: boolean): Promise<CheckResult> {
  const key = keyOf(check, profile, wrong);
  const known = results.get(key);
  if (known) return known;
  const small = { ...profile, maxTensorBytes: SMALL_TENSOR };
  const request = { check, device: "cpu", profile: small, threads: 1 } as const;
  const result = await runCheck(request, wrong ? TOO_LARGE : undefined);
  results.set(key, result);
  return result;
}

/** Runs the checks, of which those that `wrong` picks get a wrong graph. */
const checksWith =
  (wrong: (form: Form) => boolean): RunCheck =>
  (check, profile) =>
    onCpu(check, profile, wrong({ check, compute: profile.compute, attention: profile.selfAttention }));

const { plain } = DEVICE_FORMS.webgpu;

describe("a device that computes rightly", () => {
  test.each(["webgpu", "cuda"] as const)("%s gets the quickest forms", async (device) => {
    const choice = await proveDevice(
      device,
      checksWith(() => false),
    );
    expect(choice).toMatchObject({ device, rejected: [] });
    expect(choice.profile).toMatchObject({ compute: "float16", selfAttention: "fused", crossAttention: "fused" });
    const vae = { webgpu: "float32", cuda: "float16" }[device];
    expect(choice.vaeProfile).toMatchObject({ compute: vae, selfAttention: "unfused" });
    expect(choice.checks.every(({ passed }) => passed)).toBe(true);
    expect(new Set(choice.checks.map(({ check }) => check))).toEqual(new Set(Object.keys(CHECKS)));
  });

  test("each check's error is far below its limit, and not zero but for the download", async () => {
    for (const check of Object.keys(CHECKS) as CheckName[]) {
      const { error, passed } = await onCpu(check, plain, false);
      expect(passed, check).toBe(true);
      expect(error, check).toBeLessThan(2e-5);
      if (check !== "download") expect(error, check).toBeGreaterThan(0);
    }
  });
});

describe("a device that computes wrongly", () => {
  test.each(Object.keys(CHECKS) as CheckName[])("is given up when the plainest form of %s is wrong", async (wrong) => {
    const proof = proveDevice(
      "webgpu",
      checksWith(({ check, compute }) => check === wrong && compute === "float32"),
    );
    await expect(proof).rejects.toThrow(DeviceUnavailable);
    await expect(proof).rejects.toThrow(`${wrong} (${wrong === "attention" ? "unfused, " : ""}float32)`);
  });

  test.each(["linear layers", "convolution", "group norm", "attention", "resampling"] as const)(
    "stays with float32 when %s is wrong in float16",
    async (wrong) => {
      const choice = await proveDevice(
        "webgpu",
        checksWith(({ check, compute, attention }) => {
          return check === wrong && compute === "float16" && attention === "unfused";
        }),
      );
      expect(choice.profile).toMatchObject({ compute: "float32", selfAttention: "fused" });
      expect(choice.rejected.map(({ form }) => form)).toEqual(["float16"]);
      expect(choice.rejected[0]!.reason).toContain(wrong);
      expect(choice.rejected[0]!.reason).toMatch(/off by 0\.1[123]/);
    },
  );

  test("keeps attention unfused when the fused one is wrong", async () => {
    const choice = await proveDevice(
      "cuda",
      checksWith(({ attention }) => attention === "fused"),
    );
    expect(choice.profile).toMatchObject({ compute: "float16", selfAttention: "unfused", crossAttention: "unfused" });
    expect(choice.rejected).toEqual([
      { form: "fused attention", reason: expect.stringMatching(/attention \(fused, float16\).*8 heads of 40.*off by/) },
    ]);
  });

  test("decodes in float32 when the VAE's block is wrong in float16", async () => {
    const choice = await proveDevice(
      "cuda",
      checksWith(({ check, compute }) => check === "VAE block" && compute === "float16"),
    );
    expect(choice.profile.compute).toBe("float16");
    expect(choice.vaeProfile).toMatchObject({ compute: "float32", selfAttention: "unfused" });
    expect(choice.rejected.map(({ form }) => form)).toEqual(["float16 VAE"]);
  });

  test("gets smaller tensors when the largest one is wrong", async () => {
    const limit = plain.maxTensorBytes!;
    const choice = await proveDevice("webgpu", (check, profile) =>
      onCpu(check, profile, check === "largest tensor" && profile.maxTensorBytes! > limit / 4),
    );
    expect(choice.profile.maxTensorBytes).toBe(limit / 4);
    expect(choice.vaeProfile!.maxTensorBytes).toBe(limit / 4);
    expect(choice.rejected.map(({ form }) => form)).toEqual(["tensors of 120 MiB"]);
  });
});

test("a result that is no number does not pass", async () => {
  const result = await runCheck({ check: "group norm", device: "cpu", profile: plain, threads: 1 }, NO_NUMBER);
  expect(result).toMatchObject({ passed: false, error: Number.POSITIVE_INFINITY });
  expect(result.reason).toMatch(/no number/);
});

test("a graph that the runtime refuses does not pass, and says why", async () => {
  const newer: DeviceProfile = { ...plain, selfAttention: "onnx" }; // an operator of a later set than the profile's
  const result = await runCheck({ check: "attention", device: "cpu", profile: newer, threads: 1 });
  expect(result).toMatchObject({ passed: false, reason: expect.stringMatching(/Attention/) });
  expect(result.error).toBeUndefined();
});
