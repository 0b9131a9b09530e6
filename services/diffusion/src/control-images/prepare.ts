/** From what a request says of its ControlNets to the pixels that the nets will see. */
import { type ControlNetRequest, defaultProcessor } from "@armature/contract";
import { inField } from "@armature/http";
import { type DecodeLimits, decodeImage } from "@armature/images";
import type { JobContext } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import { referencedPicture } from "@armature/service";
import type PQueue from "p-queue";
import { type ControlCache, controlKey } from "./control-cache.js";
import type { PreprocessorClient } from "./preprocessor-client.js";

export interface ControlImageDeps {
  preprocessor: PreprocessorClient;
  cache: ControlCache;
  decodeLimits: DecodeLimits;
  sources: SourcePolicy;
  /** How many pictures are fetched at once, and how many the preprocessors are asked for. */
  fetching: PQueue;
  annotation: PQueue;
}

export interface ControlImage {
  image: RgbImage;
  processor: string;
}

export interface PreparedControls {
  images: ControlImage[];
  preprocessMs: number;
}

/** Makes the control images of a job, side by side. Errors point at the field that is at fault. */
export async function prepareControlImages(
  requests: readonly ControlNetRequest[],
  deps: ControlImageDeps,
  job: JobContext,
): Promise<PreparedControls> {
  const start = performance.now();
  const images = await Promise.all(requests.map((request, i) => prepareOne(request, `/controlnets/${i}`, deps, job)));
  return { images, preprocessMs: performance.now() - start };
}

async function prepareOne(request: ControlNetRequest, field: string, deps: ControlImageDeps, job: JobContext) {
  const { decodeLimits, sources, fetching } = deps;
  const processor = request.preprocessor ?? defaultProcessor(request.type);
  const pointer = `${field}/image`;
  const picture = await referencedPicture(
    request.image,
    { pointer, maxBytes: sources.maxBytes, sources, fetching },
    job,
  );
  // decoded here even if it only passes through: what is wrong with it is said by name, before another service sees it
  const decoded = await inField(pointer, () => decodeImage(picture, decodeLimits));
  if (processor === "none") return { image: decoded, processor };
  const file = await annotated(picture, processor, request, field, deps, job.signal);
  return { image: await decodeImage(file, decodeLimits), processor };
}

/** One annotation may serve several jobs: it ends when the last of them is cancelled. */
function annotated(
  picture: Uint8Array,
  processor: string,
  { preprocessor_options: options }: ControlNetRequest,
  field: string,
  { cache, preprocessor, annotation }: ControlImageDeps,
  signal: AbortSignal,
): Promise<Buffer> {
  const wanted = { picture, processor, options, pointer: `${field}/preprocessor` };
  const ask = (signal: AbortSignal) => annotation.add(() => preprocessor.annotate(wanted, signal), { signal });
  return cache.get(controlKey(picture, processor, options), ask, signal);
}
