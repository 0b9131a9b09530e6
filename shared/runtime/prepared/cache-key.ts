/** What a prepared form depends on, as one name: the weights, the graph, the runtime and the processor. */
import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { arch, cpus } from "node:os";
import { env } from "onnxruntime-node";

/** Raised when the layout of a cache entry changes. */
const LAYOUT = 1;

const SAMPLES = 256;
const SAMPLE_BYTES = 4096;

/**
 * The name of the prepared form of `graph` over the weights files, 32 hex digits. The packed layout belongs to the runtime's version
 * and to the processor's instruction set.
 */
export async function cacheKey(graph: Uint8Array, weightsFiles: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(graph);
  for (const part of [LAYOUT, env.versions.node ?? env.versions.common, await instructionSet()])
    hash.update(`${part}\n`);
  for (const file of weightsFiles) hash.update(await sourceDigest(file));
  return hash.digest("hex").slice(0, 32);
}

/**
 * Size, time of change, header (its first sample) and 256 samples of the content: two trainings of one architecture differ
 * in every tensor, and a write into a file changes its time. A digest of all bytes would cost as much as the load.
 */
async function sourceDigest(file: string): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { size, mtimeNs } = await handle.stat({ bigint: true });
    const hash = createHash("sha256").update(`${size} ${mtimeNs}\n`);
    for (let i = 0; i < SAMPLES; i++) hash.update(await sampleAt(handle, Math.floor((Number(size) * i) / SAMPLES)));
    return hash.digest();
  } finally {
    await handle.close();
  }
}

async function sampleAt(handle: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, position);
  return buffer.subarray(0, bytesRead);
}

/** The processor's extensions where the system tells them (Linux), else its model. */
async function instructionSet(): Promise<string> {
  const model = `${arch()} ${cpus()[0]?.model}`;
  try {
    const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(await readFile("/proc/cpuinfo", "utf8"));
    return `${model} ${flags?.[1]}`;
  } catch {
    return model;
  }
}
