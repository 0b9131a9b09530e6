/** Fetches one file: ranges in parallel into a part file, hashed on the way, made final only if size and hash agree. */
import { randomUUID } from "node:crypto";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { unlessVanished } from "@armature/core";
import { claim } from "./claim.js";
import type { DownloadContext } from "./download-context.js";
import { agrees, DigestStream, type Digests, hashText } from "./file-hash.js";
import { PartFile, type PartIdentity, partPath, removeParts } from "./part-file.js";
import type { FileAddress, WeightSource } from "./sources/source.js";
import { asDiskError } from "./target.js";
import { transfer } from "./transfer.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

export interface DownloadJob {
  file: FileAddress;
  /** The final path. */
  target: string;
  /** In the order in which they are tried. */
  sources: readonly WeightSource[];
}

/** How often a source may send bytes with the wrong hash. */
const WRONG_HASHES = 3;

/** Returns the digests of the file, which is then under its final name. Throws WeightsUnavailable, or `signal`'s reason. */
export async function downloadFile(job: DownloadJob, context: DownloadContext): Promise<Digests> {
  const { file, target } = job;
  await mkdir(dirname(target), { recursive: true }).catch((error) => {
    throw asDiskError(error, dirname(target));
  });
  const owned = await claim(partPath(target), context.signal, {
    onWait: () => context.emit({ kind: "waiting", file }),
  });
  const signal = AbortSignal.any([context.signal, owned.lost]);
  const own = { ...context, signal };
  try {
    return (await finishedByOther(job, own)) ?? (await fromSources(job, own));
  } finally {
    await owned.release();
  }
}

/** The part of a file's name that keeps bytes of different content apart. Content of unknown hash is never resumed. */
export function partIdentity({ size, hash }: FileAddress, chunkBytes: number): PartIdentity {
  return { size, content: hash?.sha256 ?? hash?.gitSha1 ?? `unknown-${randomUUID()}`, chunkBytes };
}

/** While we waited for our turn, another process may have fetched the very file. */
async function finishedByOther({ file, target }: DownloadJob, context: DownloadContext): Promise<Digests | undefined> {
  const found = await stat(target).catch(() => undefined);
  if (found?.size !== file.size || !file.hash) return undefined;
  const digests = await unlessVanished(context.hasher.digestFile(target, file.size, context.signal));
  return digests && agrees(digests, file.hash) ? digests : undefined;
}

async function fromSources(job: DownloadJob, context: DownloadContext): Promise<Digests> {
  const { file, sources } = job;
  let failure: unknown;
  for (const source of sources) {
    for (let tries = source.isLocal ? 1 : WRONG_HASHES; tries > 0; tries--) {
      try {
        return await fromSource(job, source, context);
      } catch (error) {
        if (!isOfSource(error) || context.signal.aborted) throw error;
        failure = error;
        if (error.reason !== "corrupt") break;
        context.emit({ kind: "discarded", file, message: error.message });
      }
    }
  }
  throw failure;
}

/** A failure that another source may not have. */
function isOfSource(error: unknown): error is WeightsUnavailable {
  return error instanceof WeightsUnavailable && !["no-space", "read-only", "disk-failed"].includes(error.reason);
}

async function fromSource(job: DownloadJob, source: WeightSource, context: DownloadContext): Promise<Digests> {
  const { file, target } = job;
  const { chunkBytes, sync } = context.tuning;
  if (file.size === 0) return emptyFile(target);
  const part = await PartFile.open(target, partIdentity(file, chunkBytes)).catch((error) => {
    throw asDiskError(error, target);
  });
  try {
    const digests = await transfer(file, part, source, context);
    if (!agrees(digests, file.hash)) throw wrongHash(file, source, digests);
    await part.finish(target, sync).catch((error) => {
      throw asDiskError(error, target);
    });
    return digests;
  } catch (error) {
    await part.close().catch(() => undefined);
    if (error instanceof WeightsUnavailable && error.reason === "corrupt") await removeParts(target);
    throw error;
  }
}

function wrongHash({ repository, path, hash }: FileAddress, source: WeightSource, found: Digests): WeightsUnavailable {
  const digest = hash?.sha256 ? `sha256 ${found.sha256}` : `git blob ${found.gitSha1}`;
  const wanted = hash ? hashText(hash) : "nothing";
  return new WeightsUnavailable("corrupt", `${repository}/${path}: ${source.name} sent ${digest}; ${wanted} is pinned`);
}

async function emptyFile(target: string): Promise<Digests> {
  await writeFile(target, "");
  return new DigestStream(0).digests();
}
