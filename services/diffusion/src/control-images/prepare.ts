/** From what a request says of a ControlNet to the pixels that the net will see. */
import { type ControlNetRequest, defaultProcessor } from "@armature/contract";
import { inField } from "@armature/http";
import { type DecodeLimits, decodeImage, imageBytes } from "@armature/images";
import { fetchSource, type SourcePolicy } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import { type ControlCache, controlKey } from "./control-cache.js";
import type { PreprocessorClient } from "./preprocessor-client.js";

export interface ControlImageDeps {
  preprocessor: PreprocessorClient;
  cache: ControlCache;
  decodeLimits: DecodeLimits;
  sources: SourcePolicy;
}

export interface ControlImage {
  image: RgbImage;
  processor: string;
}

/** Makes the control images of a request, side by side. Errors point at the field that is at fault. */
export function prepareControlImages(
  requests: readonly ControlNetRequest[],
  deps: ControlImageDeps,
  signal: AbortSignal,
): Promise<ControlImage[]> {
  return Promise.all(requests.map((request, i) => prepareOne(request, `/controlnets/${i}`, deps, signal)));
}

async function prepareOne(request: ControlNetRequest, pointer: string, deps: ControlImageDeps, signal: AbortSignal) {
  const { decodeLimits, sources } = deps;
  const processor = request.preprocessor ?? defaultProcessor(request.type);
  const picture = await imageBytes(request.image, {
    pointer: `${pointer}/image`,
    maxBytes: sources.maxBytes,
    fetchUrl: (url) => fetchSource(url, { policy: sources, signal }),
  });
  // decoded here even if it only passes through: what is wrong with it is said by name, before another service sees it
  const decoded = await inField(`${pointer}/image`, () => decodeImage(picture, decodeLimits));
  if (processor === "none") return { image: decoded, processor };
  const file = await unlessAborted(annotated(picture, processor, request, `${pointer}/preprocessor`, deps), signal);
  return { image: await decodeImage(file, decodeLimits), processor };
}

function annotated(
  picture: Uint8Array,
  processor: string,
  { preprocessor_options: options }: ControlNetRequest,
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
