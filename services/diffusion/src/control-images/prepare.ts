/** From what a resolved request says of a ControlNet to the pixels that the net will see. */
import { inField } from "@armature/http";
import { type DecodeLimits, decodeImage, imageBytes } from "@armature/images";
import { fetchSource, type SourcePolicy } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import type { Control } from "../features/controlnets.js";
import { type ControlCache, controlKey } from "./control-cache.js";
import type { PreprocessorClient } from "./preprocessor-client.js";

export interface ControlImageDeps {
  preprocessor: PreprocessorClient;
  cache: ControlCache;
  decodeLimits: DecodeLimits;
  sources: SourcePolicy;
}

/** Makes the control images of a request, side by side. Errors point at the field that is at fault. */
export function prepareControlImages(
  controls: readonly Control[],
  deps: ControlImageDeps,
  signal: AbortSignal,
): Promise<RgbImage[]> {
  return Promise.all(controls.map((control, i) => prepareOne(control, `/controlnets/${i}`, deps, signal)));
}

async function prepareOne(control: Control, pointer: string, deps: ControlImageDeps, signal: AbortSignal) {
  const { decodeLimits, sources } = deps;
  const picture = await imageBytes(control.source, {
    pointer: `${pointer}/image`,
    maxBytes: sources.maxBytes,
    fetchUrl: (url) => fetchSource(url, { policy: sources, signal }),
  });
  // decoded here even if it only passes through: what is wrong with it is said by name, before another service sees it
  const decoded = await inField(`${pointer}/image`, () => decodeImage(picture, decodeLimits));
  if (control.processor === "none") return decoded;
  const file = await unlessAborted(annotated(picture, control, `${pointer}/preprocessor`, deps), signal);
  return decodeImage(file, decodeLimits);
}

function annotated(
  picture: Uint8Array,
  { processor, options }: Control,
  pointer: string,
  { cache, preprocessor }: ControlImageDeps,
): Promise<Buffer> {
  const key = controlKey(picture, processor, options);
  return cache.get(key, () => preprocessor.annotate({ picture, processor, options, pointer }));
}

/** An annotation may serve several requests, so a client that leaves ends its own waiting only. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
