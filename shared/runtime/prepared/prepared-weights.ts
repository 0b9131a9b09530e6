/**
 * Weights in the form that the processor computes with: kernels transformed, matrices packed, all in one file that is mapped
 * instead of read. Made once by the runtime itself, kept in CACHE_DIR, never needed: whatever fails, the official file serves.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import { freemem } from "node:os";
import { join } from "node:path";
import { memoryLimit } from "@armature/core";
import { createSession } from "../session.js";
import { cacheKey } from "./cache-key.js";
import { checkEntry, entryUse, GRAPH_FILE, sealEntry, touchEntry, WEIGHTS_FILE } from "./entry.js";

export interface PreparedCache {
  folder: string;
  /** Bytes that all entries may take; the least recently used go first. */
  limitBytes: number;
  /** Hears one line when a form is made and when one cannot be. */
  note: (line: string) => void;
}

export interface PreparedSource {
  /** For messages: `unet of sd15`. */
  name: string;
  graph: Uint8Array;
  /** The folder of the weights that the graph names, and the file itself. */
  weightsFolder: string;
  weightsFile: string;
  /** What the tensors that the graph takes of that file are in float32. */
  weightBytes: number;
}

/** A graph to open in place of the source's, with `optimized` set. */
export interface PreparedForm {
  graph: Uint8Array;
  weightsFolder: string;
}

/**
 * The prepared form of a graph, from the cache or made now: half a minute and about 8 GB of memory for a full-size UNet. Undefined,
 * with a note, where it can be neither found nor made.
 */
export async function preparedForm(source: PreparedSource, cache: PreparedCache): Promise<PreparedForm | undefined> {
  try {
    const key = await cacheKey(source.graph, source.weightsFile);
    const folder = join(cache.folder, key);
    const state = await checkEntry(folder, key);
    if (state !== "whole") {
      if (state === "damaged") {
        cache.note(`${source.name}: the prepared weights in ${folder} are damaged: making them again`);
        await rm(folder, { recursive: true, force: true });
      }
      await make(source, cache, key);
    }
    await touchEntry(folder);
    return { graph: await readFile(join(folder, GRAPH_FILE)), weightsFolder: folder };
  } catch (error) {
    cache.note(`${source.name}: no prepared weights, loading the official file (${(error as Error).message})`);
    return undefined;
  }
}

/** Written under a name of its own and renamed when it is whole: who is killed leaves nothing that looks finished. */
async function make(source: PreparedSource, cache: PreparedCache, key: string): Promise<void> {
  await mkdir(cache.folder, { recursive: true });
  await removeAbandoned(cache.folder);
  await requireRoom(cache.folder, source.weightBytes);
  const unfinished = join(cache.folder, `${UNFINISHED}${randomUUID()}`);
  await mkdir(unfinished);
  const start = performance.now();
  try {
    await writeOptimized(source, unfinished);
    await sealEntry(unfinished, key);
    await publish(unfinished, join(cache.folder, key), key);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  cache.note(`${source.name}: prepared weights made in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  await enforceLimit(cache, key);
}

async function writeOptimized({ graph, weightsFolder }: PreparedSource, folder: string): Promise<void> {
  const save = { graphFile: join(folder, GRAPH_FILE), weightsName: WEIGHTS_FILE };
  await (await createSession(graph, { weightsFolder, threads: 1, save })).release();
  // the runtime does not notice a full disk while it writes, but refuses weights that end too early
  const written = await readFile(save.graphFile);
  await (await createSession(written, { weightsFolder: folder, threads: 1, optimized: true })).release();
}

/** Two processes may make one entry at once: the first to finish publishes, the other takes what is there. */
async function publish(unfinished: string, folder: string, key: string): Promise<void> {
  try {
    await rename(unfinished, folder);
  } catch (error) {
    if ((await checkEntry(folder, key)) !== "whole") throw error;
  }
}

const UNFINISHED = "unfinished-";

/** Nobody writes into a folder for this long without a change to show. */
const ABANDONED_MS = 10 * 60_000;

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(UNFINISHED)) continue;
    const path = join(folder, name);
    if (Date.now() - (await lastChange(path)) > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

async function lastChange(folder: string): Promise<number> {
  const files = [folder, ...(await readdir(folder)).map((name) => join(folder, name))];
  const times = await Promise.all(files.map((file) => stat(file).then(({ mtimeMs }) => mtimeMs)));
  return Math.max(...times);
}

/** The form is in float32, some kernels four times that: this many times the weights, on the disk and in memory. */
const GROWTH = { disk: 1, memory: 2.75 };

async function requireRoom(folder: string, weightBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const memory = Math.min(freemem(), memoryLimit() ?? Number.POSITIVE_INFINITY);
  requireBytes(`free in ${folder}`, bavail * bsize, GROWTH.disk * weightBytes);
  requireBytes("of memory free", memory, GROWTH.memory * weightBytes);
}

function requireBytes(what: string, found: number, wanted: number): void {
  if (found >= wanted) return;
  throw new Error(`${(found / 1e9).toFixed(1)} GB ${what}, ${(wanted / 1e9).toFixed(1)} GB are wanted`);
}

/** Removes the least recently used entries above the limit, but not the one named. Files in use live on until they are closed. */
async function enforceLimit({ folder, limitBytes }: PreparedCache, kept: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{32}$/.test(name));
  const entries = await Promise.all(
    names.map(async (name) => ({
      name,
      // an entry without a manifest serves nobody: first to go
      ...(await entryUse(join(folder, name)).catch(() => ({ bytes: 0, usedMs: 0 }))),
    })),
  );
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { name, bytes } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= limitBytes) return;
    if (name === kept) continue;
    await rm(join(folder, name), { recursive: true, force: true });
    total -= bytes;
  }
}
