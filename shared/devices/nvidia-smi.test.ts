/** Against programs that stand in for NVIDIA's tool, found on PATH as it would be. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { memoryReader } from "./device-memory.js";
import { readCardMemory } from "./nvidia-smi.js";

const RTX = "0, GPU-1f0a, NVIDIA GeForce RTX 3060, 11500, 12288";
const A2 = "1, GPU-77bc, NVIDIA A2, 3000, 15356";

/** An environment in which `nvidia-smi` is this shell script. */
function withTool(script: string, more: Record<string, string> = {}): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "armature-nvidia-smi-"));
  const tool = join(folder, "nvidia-smi");
  writeFileSync(tool, `#!/bin/sh\n${script}\n`);
  chmodSync(tool, 0o755);
  return { PATH: [folder, process.env.PATH].join(delimiter), ...more };
}

test("a card's free and whole memory are bytes, from the tool's mebibytes", async () => {
  const env = withTool(`echo "$*" >&2; echo "${RTX}"`);
  expect(await readCardMemory({ env })).toEqual({
    card: "NVIDIA GeForce RTX 3060",
    freeBytes: 11500 * 2 ** 20,
    totalBytes: 12288 * 2 ** 20,
  });
});

test("the tool is asked for machine-readable numbers", async () => {
  const asked = 'test "$1" = --query-gpu=index,uuid,name,memory.free,memory.total';
  const plain = 'test "$2" = --format=csv,noheader,nounits';
  await expect(readCardMemory({ env: withTool(`${asked} && ${plain} && echo "${RTX}"`) })).resolves.toBeDefined();
});

test.each([
  [undefined, "NVIDIA GeForce RTX 3060, card 0 of 2"],
  ["1", "NVIDIA A2, card 1 of 2"],
  ["1,0", "NVIDIA A2, card 1 of 2"],
  ["GPU-77", "NVIDIA A2, card 1 of 2"],
])("of two cards, CUDA_VISIBLE_DEVICES=%s chooses %s", async (visible, card) => {
  const env = withTool(`echo "${RTX}"; echo "${A2}"`, visible ? { CUDA_VISIBLE_DEVICES: visible } : {});
  expect((await readCardMemory({ env })).card).toBe(card);
});

test("a card that the tool does not list is named", async () => {
  const env = withTool(`echo "${RTX}"`, { CUDA_VISIBLE_DEVICES: "3" });
  await expect(readCardMemory({ env })).rejects.toThrow("CUDA_VISIBLE_DEVICES names 3, which nvidia-smi does not list");
});

test("a tool that hangs is given up", async () => {
  const start = performance.now();
  const read = readCardMemory({ env: withTool("sleep 30"), timeoutMs: 200 });
  await expect(read).rejects.toThrow("nvidia-smi gave no answer within 0.2 s");
  expect(performance.now() - start).toBeLessThan(5000);
});

test.each([
  ["echo 'NVIDIA-SMI has failed: no driver'; exit 9", "nvidia-smi failed (9): NVIDIA-SMI has failed: no driver"],
  ["exit 1", "nvidia-smi failed (1): without a word"],
  ["echo 'no devices were found'", 'nvidia-smi answers "no devices were found", which says nothing of memory'],
  ["echo '0, GPU-1, NVIDIA GB10, [N/A], [N/A]'", "[N/A]"],
  ["true", 'nvidia-smi answers "", which says nothing of memory'],
])("%s: the reason is told", async (script, reason) => {
  await expect(readCardMemory({ env: withTool(script) })).rejects.toThrow(reason);
});

test("a machine without the tool says so", async () => {
  await expect(readCardMemory({ env: { PATH: "/nowhere" } })).rejects.toThrow("there is no nvidia-smi");
});

test("a setting goes before the tool, and what the process holds comes off it", async () => {
  const read = memoryReader({ bytes: 8e9, reserveBytes: 0 }, withTool(`echo "${RTX}"`));
  expect(await read(3e9)).toEqual({ source: "DEVICE_MEMORY_GB", freeBytes: 5e9, totalBytes: 8e9 });
  const card = await memoryReader({ reserveBytes: 0 }, withTool(`echo "${RTX}"`))(3e9);
  expect(card).toMatchObject({ source: "nvidia-smi, NVIDIA GeForce RTX 3060", freeBytes: 11500 * 2 ** 20 });
});
