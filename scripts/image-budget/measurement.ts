/** What an image weighs, layer by layer. */
import { createReadStream } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { LAYERS, type Layer } from "../container/layers.js";

export interface LayerSize {
  /** Bytes of the files. */
  unpacked: number;
  /** Bytes to transfer: gzip, as registries keep layers. */
  compressed: number;
}

export interface ImageFile {
  layer: Layer;
  path: string;
  bytes: number;
}

export interface Measurement {
  /** Name of the container image, such as `diffusion:cpu`. */
  image: string;
  /** What was measured, in words. */
  source: string;
  layers: Record<Layer, LayerSize>;
  /** Every file, but for layers whose size is a record only. */
  files: ImageFile[];
}

export function emptyLayers(): Record<Layer, LayerSize> {
  return Object.fromEntries(LAYERS.map((layer) => [layer, { unpacked: 0, compressed: 0 }])) as Record<Layer, LayerSize>;
}

/** All layers but the weights. */
export function codeSize(layers: Record<Layer, LayerSize>): LayerSize {
  const code = LAYERS.filter((layer) => layer !== "weights").map((layer) => layers[layer]);
  return {
    unpacked: code.reduce((sum, { unpacked }) => sum + unpacked, 0),
    compressed: code.reduce((sum, { compressed }) => sum + compressed, 0),
  };
}

/** What a tar file spends on an entry, after gzip, roughly. */
const ENTRY_BYTES = 100;

/** The two services share most of their files. */
const compressedSizes = new Map<string, Promise<number>>();

/** Bytes of the files at `sources` after gzip, each for itself: a little more than a layer of them all. */
export async function gzipBytes(sources: Iterable<string>): Promise<number> {
  let bytes = 0;
  for (const source of sources) {
    const known = compressedSizes.get(source) ?? gzipFile(source);
    compressedSizes.set(source, known);
    bytes += ENTRY_BYTES + (await known);
  }
  return bytes;
}

async function gzipFile(source: string): Promise<number> {
  let bytes = 0;
  const count = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done();
    },
  });
  await pipeline(createReadStream(source), createGzip(), count);
  return bytes;
}
