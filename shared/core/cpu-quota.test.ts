import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { hasCpuQuota, memoryLimit, usableCpus } from "./cpu-quota.js";

/** A tree of control groups: `self` is the text of /proc/self/cgroup, the others are files below the mount. */
function cgroups(self: string, files: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "cgroup-"));
  for (const [name, text] of Object.entries({ self, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${text}\n`);
  }
  return { root: folder, self: join(folder, "self") };
}

test.each([
  ["max 100000", 8],
  ["400000 100000", 4],
  ["150000 100000", 2],
  ["140000 100000", 1],
  ["25000 50000", 1],
  ["1000 100000", 1],
  ["1600000 100000", 8],
])("version 2: of 8 processors, cpu.max %s leaves %i", (quota, cpus) => {
  expect(usableCpus(cgroups("0::/", { "cpu.max": quota }), 8)).toBe(cpus);
});

test.each([
  ["max 100000", false],
  ["1600000 100000", false],
  ["800000 100000", false],
  ["790000 100000", true],
  ["150000 100000", true],
])("of 8 processors, cpu.max %s is a quota: %s", (quota, shared) => {
  expect(hasCpuQuota(cgroups("0::/", { "cpu.max": quota }), 8)).toBe(shared);
});

test("version 2: the smallest limit on the way up holds, and folders that are not shown are passed over", () => {
  const files = cgroups("0::/kubepods/pod/container", {
    ...{ "cpu.max": "max 100000", "memory.max": "8589934592" },
    ...{ "kubepods/cpu.max": "200000 100000", "kubepods/memory.max": "4294967296" },
    ...{ "kubepods/pod/cpu.max": "600000 100000", "kubepods/pod/memory.max": "max" },
  });
  expect(usableCpus(files, 8)).toBe(2);
  expect(memoryLimit(files)).toBe(4294967296);
});

test("version 1: quota and memory come from their own controllers' folders", () => {
  const files = cgroups("7:pids:/x\n4:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n1:name=systemd:/", {
    "cpu,cpuacct/cpu.cfs_quota_us": "-1",
    "cpu,cpuacct/cpu.cfs_period_us": "100000",
    "cpu,cpuacct/docker/1/cpu.cfs_quota_us": "300000",
    "cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000",
    "memory/memory.limit_in_bytes": "9223372036854771712",
    "memory/docker/1/memory.limit_in_bytes": "2147483648",
  });
  expect(usableCpus(files, 8)).toBe(3);
  expect(memoryLimit(files)).toBe(2147483648);
});

test("without limits or control groups all processors count and memory is not limited", () => {
  const unlimited = cgroups("4:memory:/\n1:cpu:/", {
    "cpu/cpu.cfs_quota_us": "-1",
    "cpu/cpu.cfs_period_us": "100000",
    "memory/memory.limit_in_bytes": "9223372036854771712",
  });
  for (const files of [unlimited, cgroups("0::/"), { root: "/nowhere", self: "/nowhere/self" }]) {
    expect(usableCpus(files, 6)).toBe(6);
    expect(memoryLimit(files)).toBeUndefined();
  }
});
