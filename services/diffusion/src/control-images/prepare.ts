/** From the pictures that a resolved request brings to the pixels that its stages will see. */
import { inField } from "@armature/contract";
import { type DecodeLimits, decodeImage } from "@armature/images";
import type { JobContext } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import { referencedPicture } from "@armature/service";
import type PQueue from "p-queue";
import type { Annotation, Pictures, RequestPicture } from "../features/feature.js";
import { type ControlCache, controlKey } from "./control-cache.js";
import type { PreprocessorClient } from "./preprocessor-client.js";

export interface PictureDeps {
  preprocessor: PreprocessorClient;
  cache: ControlCache;
  decodeLimits: DecodeLimits;
  /** Gets what was wrong with a picture that was taken all the same. */
  warn(text: string): void;
  sources: SourcePolicy;
  /** How many pictures are fetched at once, and how many the preprocessors are asked for. */
  fetching: PQueue;
  annotation: PQueue;
}

export interface PreparedPictures {
  images: Pictures;
  preprocessMs: number;
}

/** Makes the pictures of a job, side by side. Errors point at the field that is at fault. */
export async function preparePictures(
  pictures: readonly RequestPicture[],
  deps: PictureDeps,
  job: JobContext,
): Promise<PreparedPictures> {
  const start = performance.now();
  const made = pictures.map(async (picture) => [picture.place, await prepareOne(picture, deps, job)] as const);
  const images = Object.fromEntries(await Promise.all(made));
  return { images, preprocessMs: performance.now() - start };
}

async function prepareOne({ place, source, annotation }: RequestPicture, deps: PictureDeps, job: JobContext) {
  const { decodeLimits, sources, fetching, warn } = deps;
  const { signal } = job;
  const options = { pointer: place, maxBytes: sources.maxBytes, sources, fetching };
  const picture = await referencedPicture(source, options, job);
  // decoded here even if it only passes through: what is wrong with it is said by name, before another service sees it
  const decode = () => decodeImage(picture, decodeLimits, { signal, onWarning: warn });
  const decoded = await inField(place, decode);
  return annotation ? annotated(picture, annotation, deps, signal) : decoded;
}

/** One annotation may serve several jobs: it ends when the last of them is cancelled. */
function annotated(
  picture: Uint8Array,
  { processor, options, place }: Annotation,
  { cache, preprocessor, annotation }: PictureDeps,
  signal: AbortSignal,
): Promise<RgbImage> {
  const wanted = { picture, processor, options, pointer: place };
  const ask = (signal: AbortSignal) => annotation.add(() => preprocessor.annotate(wanted, signal), { signal });
  return cache.get(controlKey(picture, processor, options), ask, signal);
}
