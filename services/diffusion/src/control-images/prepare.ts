/** From what a resolved request says of its ControlNets to the pixels that the nets will see. */
import { inField } from "@armature/http";
import { type DecodeLimits, decodeImage } from "@armature/images";
import type { JobContext } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import { referencedPicture } from "@armature/service";
import type PQueue from "p-queue";
import type { Control } from "../features/controlnets.js";
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

export interface PreparedControls {
  images: RgbImage[];
  preprocessMs: number;
}

/** Makes the control images of a job, side by side. Errors point at the field that is at fault. */
export async function prepareControlImages(
  controls: readonly Control[],
  deps: ControlImageDeps,
  job: JobContext,
): Promise<PreparedControls> {
  const start = performance.now();
  const images = await Promise.all(controls.map((control, i) => prepareOne(control, `/controlnets/${i}`, deps, job)));
  return { images, preprocessMs: performance.now() - start };
}

async function prepareOne(control: Control, field: string, deps: ControlImageDeps, job: JobContext) {
  const { decodeLimits, sources, fetching } = deps;
  const pointer = `${field}/image`;
  const picture = await referencedPicture(
    control.source,
    { pointer, maxBytes: sources.maxBytes, sources, fetching },
    job,
  );
  // decoded here even if it only passes through: what is wrong with it is said by name, before another service sees it
  const decoded = await inField(pointer, () => decodeImage(picture, decodeLimits));
  if (control.processor === "none") return decoded;
  const file = await annotated(picture, control, field, deps, job.signal);
  return decodeImage(file, decodeLimits);
}

/** One annotation may serve several jobs: it ends when the last of them is cancelled. */
function annotated(
  picture: Uint8Array,
  { processor, options }: Control,
  field: string,
  { cache, preprocessor, annotation }: ControlImageDeps,
  signal: AbortSignal,
): Promise<Buffer> {
  const wanted = { picture, processor, options, pointer: `${field}/preprocessor` };
  const ask = (signal: AbortSignal) => annotation.add(() => preprocessor.annotate(wanted, signal), { signal });
  return cache.get(controlKey(picture, processor, options), ask, signal);
}
