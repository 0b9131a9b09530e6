/** Fetches one file: ranges in parallel into a part file, hashed on the way, made final only if size and hash agree. */
import { randomUUID } from "node:crypto";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { unlessVanished } from "@armature/core";
import { claim } from "./claim.js";
import type { DownloadContext } from "./download-context.js";
import { agrees, type Digests, EMPTY_DIGESTS, hashText } from "./file-hash.js";
import { PartFile, type PartIdentity, partPath, removeParts } from "./part-file.js";
import type { FileAddress, WeightSource } from "./sources/source.js";
import { asDiskError } from "./target.js";
import { transfer } from "./transfer.js";
import { refuseLfsPointer } from "./weight-file-checks.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

interface DownloadJob {
  file: FileAddress;
  /** The final path. */
  target: string;
  /** Sources in the order in which they are tried. */
  sources: readonly WeightSource[];
}

interface Downloaded {
  digests: Digests;
  /** What gave the bytes; undefined where another process had fetched them meanwhile. */
  source: WeightSource | undefined;
}

/** How often a source may send bytes with the wrong hash. */
const WRONG_HASHES = 3;

/** The file is then under its final name. Throws WeightsUnavailable, or `signal`'s reason. */
export async function downloadFile(job: DownloadJob, context: DownloadContext): Promise<Downloaded> {
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
    const digests = await finishedByOther(job, own);
    return digests ? { digests, source: undefined } : await fromSources(job, own);
  } finally {
    await owned.release();
  }
}

/** The part of a file's name that keeps bytes of different content apart. Content of unknown hash is never resumed. */
export function partIdentity({ size, hash }: FileAddress, chunkBytes: number): PartIdentity {
  return { size, content: hash?.sha256 ?? hash?.gitSha1 ?? `unknown-${randomUUID()}`, chunkBytes };
}

/** Whether another process has fetched the very file while this one waited for its turn. */
async function finishedByOther({ file, target }: DownloadJob, context: DownloadContext): Promise<Digests | undefined> {
  const found = await stat(target).catch(() => undefined);
  if (found?.size !== file.size || !file.hash) return undefined;
  const digests = await unlessVanished(context.hasher.digestFile(target, file.size, context.signal));
  return digests && agrees(digests, file.hash) ? digests : undefined;
}

async function fromSources(job: DownloadJob, context: DownloadContext): Promise<Downloaded> {
  const failures: WeightsUnavailable[] = [];
  for (const source of job.sources) {
    const result = await fromOne(job, source, context);
    if (!(result instanceof WeightsUnavailable)) return { digests: result, source };
    failures.push(result);
  }
  throw together(failures);
}

/** The digests, or why this source cannot give the file. Bytes with the wrong hash are asked for again. */
async function fromOne(
  job: DownloadJob,
  source: WeightSource,
  context: DownloadContext,
): Promise<Digests | WeightsUnavailable> {
  for (let tries = source.isLocal ? 1 : WRONG_HASHES; ; tries--) {
    try {
      return await fromSource(job, source, context);
    } catch (error) {
      if (!isOfSource(error) || context.signal.aborted) throw error;
      if (error.reason === "corrupt") context.emit({ kind: "discarded", file: job.file, message: error.message });
      if (error.reason !== "corrupt" || tries <= 1) return error;
    }
  }
}

/** What each source says, as one failure of the first one's kind. */
function together(failures: readonly WeightsUnavailable[]): WeightsUnavailable {
  const [first, ...others] = failures as [WeightsUnavailable, ...WeightsUnavailable[]];
  if (others.length === 0) return first;
  const text = [first, ...others].map(({ message }) => message).join("; ");
  return new WeightsUnavailable(first.reason, text, { cause: first, retryAfterS: first.retryAfterS });
}

/** A failure that another source may not have. */
function isOfSource(error: unknown): error is WeightsUnavailable {
  return error instanceof WeightsUnavailable && !["no-space", "read-only", "disk-failed"].includes(error.reason);
}

async function fromSource(job: DownloadJob, source: WeightSource, context: DownloadContext): Promise<Digests> {
  const { file, target } = job;
  const { chunkBytes, sync } = context.tuning;
  if (file.size === 0) return emptyFile(job, source);
  const part = await PartFile.open(target, partIdentity(file, chunkBytes)).catch((error) => {
    throw asDiskError(error, target);
  });
  try {
    const digests = await transfer(file, part, source, context);
    if (!agrees(digests, file.hash)) throw wrongHash(file, source, digests);
    await refuseLfsPointer(`${file.repository}/${file.path} from ${source.name}`, file.path, part.path);
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

/** Nothing need be asked for, but what is pinned may be another file: its size is then a lie. */
async function emptyFile({ file, target }: DownloadJob, source: WeightSource): Promise<Digests> {
  if (!agrees(EMPTY_DIGESTS, file.hash)) throw wrongHash(file, source, EMPTY_DIGESTS);
  await writeFile(target, "");
  return EMPTY_DIGESTS;
}
