/**
 * Weights in the form that the processor computes with: kernels transformed, matrices packed, all in one file that is mapped
 * instead of read. Made once by the runtime itself, kept in CACHE_DIR, never needed: where it fails, the official file serves.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import { freemem } from "node:os";
import { join } from "node:path";
import { gigabytes, memoryLimit, unlessVanished } from "@armature/core";
import { createSession } from "../session.js";
import { cacheKey } from "./cache-key.js";
import { checkEntry, entryUse, GRAPH_FILE, sealEntry, touchEntry, WEIGHTS_FILE } from "./entry.js";

interface PreparedCache {
  folder: string;
  /** Bytes that all entries may take; the least recently used go first. */
  limitBytes: number;
  /** Hears one line when a form is made and when one cannot be. */
  note: (line: string) => void;
}

export interface PreparedSource {
  /** Name of the network in messages: `unet of sd15`. */
  name: string;
  graph: Uint8Array;
  /** The folder of the weights that the graph names, and the files themselves. */
  weightsFolder: string;
  weightsFiles: readonly string[];
  /** What the tensors that the graph takes of those files are in float32. */
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
    const key = await cacheKey(source.graph, source.weightsFiles);
    // another process's limit may remove what was just found or made; twice in a row it has no room for both
    const form = (await findOrMake(source, cache, key)) ?? (await findOrMake(source, cache, key));
    if (!form) throw new Error(`${join(cache.folder, key)} was removed twice before it could be read`);
    return form;
  } catch (error) {
    cache.note(`${source.name}: no prepared weights, loading the official file (${(error as Error).message})`);
    return undefined;
  }
}

/** Undefined where another process removes the entry before it is read. */
async function findOrMake(
  source: PreparedSource,
  cache: PreparedCache,
  key: string,
): Promise<PreparedForm | undefined> {
  const folder = join(cache.folder, key);
  let state = await checkEntry(folder, key);
  if (state === "damaged") {
    cache.note(`${source.name}: the prepared weights in ${folder} are damaged: making them again`);
    state = await removeDamaged(cache.folder, key);
  }
  if (state !== "whole") await make(source, cache, key);
  await touchEntry(folder);
  const graph = await unlessVanished(readFile(join(folder, GRAPH_FILE)));
  return graph && { graph, weightsFolder: folder };
}

/** Written under a name of its own and renamed when it is whole: who is killed leaves nothing that looks finished. */
async function make(source: PreparedSource, cache: PreparedCache, key: string): Promise<void> {
  const unfinished = unfinishedFolder(cache.folder);
  await mkdir(unfinished, { recursive: true });
  const start = performance.now();
  try {
    await removeAbandoned(cache.folder);
    await requireRoom(cache.folder, source.weightBytes);
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
    const state = await checkEntry(folder, key);
    if (state === "whole") return;
    if (state === "damaged") throw error;
    await rename(unfinished, folder); // what was in the way has gone since
  }
}

const UNFINISHED = "unfinished-";

function unfinishedFolder(folder: string): string {
  return join(folder, `${UNFINISHED}${randomUUID()}`);
}

/**
 * Removes an entry that was found damaged, and returns what is there then: another process that found the same may have put
 * a whole one in its place, which stays.
 */
async function removeDamaged(folder: string, key: string): ReturnType<typeof checkEntry> {
  const entry = join(folder, key);
  const aside = await setAside(folder, key);
  // where a third process has made one by now, that one stays, and this goes with the damaged ones
  if ((await checkEntry(aside, key)) === "whole") await rename(aside, entry).catch(() => {});
  await rm(aside, { recursive: true, force: true });
  return checkEntry(entry, key);
}

/** Takes an entry out of use in one step, so that nobody finds half of one. Returns where it lies, if it was there. */
async function setAside(folder: string, name: string): Promise<string> {
  const aside = unfinishedFolder(folder);
  await unlessVanished(rename(join(folder, name), aside));
  return aside;
}

/** Nobody writes into a folder for this long without a change to show. */
const ABANDONED_MS = 10 * 60_000;

/** Removes folders that killed processes left unfinished. Other processes may finish or remove theirs at the same time. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of (await unlessVanished(readdir(folder))) ?? []) {
    if (!name.startsWith(UNFINISHED)) continue;
    const path = join(folder, name);
    const changedMs = await lastChange(path);
    if (changedMs === undefined || Date.now() - changedMs <= ABANDONED_MS) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** Undefined if the folder has vanished. */
async function lastChange(folder: string): Promise<number | undefined> {
  const names = (await unlessVanished(readdir(folder))) ?? [];
  const files = await Promise.all(names.map((name) => unlessVanished(stat(join(folder, name)))));
  const itself = await unlessVanished(stat(folder));
  return itself && Math.max(itself.mtimeMs, ...files.map((file) => file?.mtimeMs ?? 0));
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
  throw new Error(`${gigabytes(found, 1)} ${what}, ${gigabytes(wanted, 1)} are wanted`);
}

/** Removes the least recently used entries above the limit, but not the one named. Files in use live on until they are closed. */
async function enforceLimit({ folder, limitBytes }: PreparedCache, kept: string): Promise<void> {
  const names = ((await unlessVanished(readdir(folder))) ?? []).filter((name) => /^[0-9a-f]{32}$/.test(name));
  const found = await Promise.all(names.map(async (name) => ({ name, use: await entryUse(join(folder, name)) })));
  const entries = found.flatMap(({ name, use }) => (use ? [{ name, ...use }] : []));
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { name, bytes, usedMs } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= limitBytes) return;
    // another process may have used it, or made it anew, since it was listed
    if (name === kept || ((await entryUse(join(folder, name)))?.usedMs ?? usedMs) !== usedMs) continue;
    await rm(await setAside(folder, name), { recursive: true, force: true });
    total -= bytes;
  }
}
