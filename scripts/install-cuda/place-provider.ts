/** Brings a provider's files beside the runtime's binding. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  asDiskError,
  type FetchEvent,
  type FetchTuning,
  type FileAddress,
  fetchPinned,
  LocalDirectory,
  openSource,
  type WeightSource,
  type WeightsEnvironment,
  WeightsUnavailable,
} from "@armature/fetch";
import type { Provider, ProviderFile } from "./providers.js";
import { extractMember } from "./zip-file.js";

interface PlaceOptions {
  /** Another address of the same archive, or its file; default the provider's own. */
  from?: string | undefined;
  /** Where the archive is kept while it arrives. */
  cacheDir: string;
  env: WeightsEnvironment;
  tuning?: Partial<FetchTuning>;
  progress?: (event: FetchEvent) => void;
  signal?: AbortSignal;
}

export type FileState = "pinned" | "other" | "missing";

/** What lies in the folder of a provider's file: the pinned bytes, other bytes, or nothing. */
export async function fileState(folder: string, { name, sha256 }: ProviderFile): Promise<FileState> {
  const path = join(folder, name);
  if (!existsSync(path)) return "missing";
  return (await sha256Of(path)) === sha256 ? "pinned" : "other";
}

/**
 * Fetches the archive and puts the provider's files into `folder`: all are unpacked and verified before the first gets its
 * name. Throws WeightsUnavailable; an archive that broke off is kept, and the next call goes on from there.
 */
export async function placeProvider(provider: Provider, folder: string, options: PlaceOptions): Promise<void> {
  const archive = join(options.cacheDir, basename(new URL(provider.url).pathname));
  await fetchArchive(provider, archive, options);
  const unpacked = provider.files.map(({ name }) => join(folder, `${name}.part`));
  const handle = await open(archive, "r");
  try {
    for (const [i, file] of provider.files.entries()) await unpack(handle, file, unpacked[i]!);
    for (const [i, { name }] of provider.files.entries()) await rename(unpacked[i]!, join(folder, name));
  } catch (error) {
    throw error instanceof WeightsUnavailable ? error : asDiskError(error, folder);
  } finally {
    await handle.close();
    for (const part of unpacked) await rm(part, { force: true });
  }
  await rm(archive);
}

async function fetchArchive({ url, bytes, sha256 }: Provider, target: string, options: PlaceOptions): Promise<void> {
  const { from = url, env, cacheDir } = options;
  await mkdir(cacheDir, { recursive: true });
  const { source, repository, path } = await locate(from, env);
  const file: FileAddress = { repository, path, size: bytes, hash: { sha256 }, commit: undefined };
  try {
    await fetchPinned(file, target, { ...options, source });
  } finally {
    await source.close();
  }
}

/** A URL or path as a source and a place in it. */
async function locate(
  from: string,
  env: WeightsEnvironment,
): Promise<{ source: WeightSource; repository: string; path: string }> {
  if (!/^https?:\/\//.test(from)) {
    return {
      source: new LocalDirectory(dirname(dirname(from))),
      repository: basename(dirname(from)),
      path: basename(from),
    };
  }
  const { origin, pathname } = new URL(from);
  const segments = pathname.slice(1).split("/").map(decodeURIComponent);
  const path = segments.pop()!;
  return { source: await openSource(origin, env), repository: segments.join("/"), path };
}

async function unpack(archive: FileHandle, { name, path, sha256 }: ProviderFile, target: string): Promise<void> {
  await extractMember(archive, path, createWriteStream(target, { mode: 0o755 }));
  const found = await sha256Of(target);
  if (found === sha256) return;
  throw new WeightsUnavailable("corrupt", `${name}: sha256 ${found} was unpacked, ${sha256} is pinned`);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
