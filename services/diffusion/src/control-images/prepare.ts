/** From the pictures that a resolved request brings, over the files that its stages begin with, to the pixels that they will see. */
import { inField } from "@armature/contract";
import type { ByteBudget, Inflight } from "@armature/core";
import { type DecodeLimits, decodeImage } from "@armature/images";
import type { JobContext } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import { decodingNeeds, referencedPicture, roomForPixels } from "@armature/service";
import type PQueue from "p-queue";
import type { Annotation, RequestPicture } from "../features/feature.js";
import type { PicturesByPlace } from "../pictures/pictures-by-place.js";
import { type ControlCache, controlKey } from "./control-cache.js";
import { lookAt } from "./look-at.js";
import type { PreprocessorClient } from "./preprocessor-client.js";

export interface PictureDeps {
  preprocessor: PreprocessorClient;
  cache: ControlCache;
  decodeLimits: DecodeLimits;
  /** Gets what was wrong with a picture that was taken all the same. */
  warn(text: string): void;
  sources: SourcePolicy;
  /** What fetched files and decoded pictures are held against. */
  inflight: Inflight;
  /** How many pictures are fetched at once, and how many the preprocessors are asked for. */
  fetching: PQueue;
  annotation: PQueue;
}

/** What waits for its turn. */
export interface PreparedFiles {
  /** By the place of the picture in the request. */
  files: Record<string, Uint8Array>;
  preprocessMs: number;
}

export interface PreparedPictures {
  images: PicturesByPlace;
  preprocessMs: number;
}

/** Makes the files of a job's pictures, side by side. Errors point at the field that is at fault. */
export async function prepareFiles(
  pictures: readonly RequestPicture[],
  deps: PictureDeps,
  job: JobContext,
): Promise<PreparedFiles> {
  const start = performance.now();
  const made = pictures.map(async (picture) => [picture.place, await prepareOne(picture, deps, job)] as const);
  const files = Object.fromEntries(await Promise.all(made));
  deps.inflight.pixels.requireFit(neededBytes(Object.values(files), deps.decodeLimits)); // refused before it waits
  return { files, preprocessMs: performance.now() - start };
}

/** Decodes the files of a job whose turn is near; there is room for the pictures until the job has ended. */
export async function decodePictures(
  { files, preprocessMs }: PreparedFiles,
  { decodeLimits, inflight, warn }: Pick<PictureDeps, "decodeLimits" | "inflight" | "warn">,
  job: JobContext,
): Promise<PreparedPictures> {
  await roomForPixels(neededBytes(Object.values(files), decodeLimits), inflight.pixels, job);
  const options = { signal: job.signal, onWarning: warn };
  const decoded = Object.entries(files).map(async ([place, file]) => {
    return [place, await inField(place, () => decodeImage(file, decodeLimits, options))] as const;
  });
  return { images: Object.fromEntries(await Promise.all(decoded)), preprocessMs };
}

/** Bytes that the decoding of these files will hold. */
function neededBytes(files: readonly Uint8Array[], limits: DecodeLimits): number {
  return files.reduce((sum, file) => sum + decodingNeeds(file, limits).bytes, 0);
}

async function prepareOne({ place, source, annotation }: RequestPicture, deps: PictureDeps, job: JobContext) {
  const { decodeLimits, sources, fetching, inflight, warn } = deps;
  const from = { pointer: place, maxBytes: sources.maxBytes, sources, fetching, encoded: inflight.encoded };
  const picture = await referencedPicture(source, from, job);
  if (!annotation) return picture;
  // what is wrong with it is said by name, before another service sees it
  const options = { decodeLimits, pixels: inflight.pixels, signal: job.signal, onWarning: warn };
  await inField(place, () => lookAt(picture, options));
  const file = await annotated(picture, annotation, deps, job);
  holdFile(file, inflight.encoded, job);
  return file;
}

/** Holds a control image's file until the job has ended. Throws BudgetFull where there is no room. */
function holdFile({ length }: Buffer, encoded: ByteBudget, { client, onEnd }: JobContext): void {
  const held = encoded.reserve(length, client);
  onEnd(() => held.release());
}

/**
 * One annotation may serve several jobs: it ends when the last of them is cancelled. While its answer comes, the bytes are held for the
 * client that asked first.
 */
function annotated(
  picture: Uint8Array,
  { processor, options, place }: Annotation,
  { cache, preprocessor, annotation, inflight }: PictureDeps,
  { client, signal }: JobContext,
): Promise<Buffer> {
  const ask = async (signal: AbortSignal) => {
    const held = inflight.encoded.reserve(0, client);
    const hold = (bytes: number) => held.resize(bytes);
    try {
      return await preprocessor.annotate({ picture, processor, options, pointer: place, hold }, signal);
    } finally {
      held.release();
    }
  };
  const inTurn = (signal: AbortSignal) => annotation.add(() => ask(signal), { signal });
  return cache.get(controlKey(picture, processor, options), inTurn, signal);
}
