/** Reads images on disk: OCI layouts, and the archives of `docker save`. */
import { closeSync, createReadStream, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import { z } from "zod";
import { type Layer, layerOf } from "../container/layers.js";
import { emptyLayers, gzipBytes, type ImageFile, type Measurement } from "./measurement.js";
import { tarFiles } from "./tar-entries.js";

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const Descriptor = z.object({ digest: Digest, mediaType: z.string().optional() });
const Index = z.object({ manifests: z.array(Descriptor) });
const Manifest = z.object({ layers: z.array(Descriptor) });
const DockerManifest = z.array(z.object({ Layers: z.array(z.string()) })).min(1);

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** Whether `folder` holds an image that can be read here. */
export function isImageLayout(folder: string): boolean {
  return existsSync(join(folder, "index.json")) || existsSync(join(folder, "manifest.json"));
}

/** Measures the image in `folder`. A layer of the file counts for the kind of layer that most of its bytes belong to. */
export async function measureLayout(image: string, folder: string): Promise<Measurement> {
  const layers = emptyLayers();
  const files: ImageFile[] = [];
  for (const blob of layerBlobs(folder)) {
    const held = await filesOf(blob);
    files.push(...held);
    for (const { layer, bytes } of held) layers[layer].unpacked += bytes;
    layers[mainLayer(held)].compressed += isGzip(blob) ? statSync(blob).size : await gzipBytes([blob]);
  }
  return { image, source: "built image", layers, files };
}

function layerBlobs(folder: string): string[] {
  if (!existsSync(join(folder, "index.json"))) {
    const [saved] = DockerManifest.parse(readJson(join(folder, "manifest.json")));
    return (saved?.Layers ?? []).map((path) => join(folder, path));
  }
  const blob = (digest: string) => join(folder, "blobs", ...digest.split(":"));
  const { manifests } = Index.parse(readJson(join(folder, "index.json")));
  // an index in an index lists the platforms; an image that was just built has one
  const [first] = manifests.map(({ digest }) => readJson(blob(digest)));
  const nested = Index.safeParse(first);
  const manifest = nested.success ? readJson(blob(nested.data.manifests[0]?.digest ?? "")) : first;
  return Manifest.parse(manifest).layers.map(({ digest }) => blob(digest));
}

async function filesOf(blob: string): Promise<ImageFile[]> {
  const raw = createReadStream(blob);
  const files: ImageFile[] = [];
  for await (const { path, bytes } of tarFiles(isGzip(blob) ? raw.pipe(createGunzip()) : raw)) {
    files.push({ layer: layerOf(`/${path}`), path: `/${path}`, bytes });
  }
  return files;
}

function mainLayer(files: ImageFile[]): Layer {
  const bytesOf = emptyLayers();
  for (const { layer, bytes } of files) bytesOf[layer].unpacked += bytes;
  const sorted = Object.entries(bytesOf).sort(([, a], [, b]) => b.unpacked - a.unpacked);
  return (sorted[0]?.[0] ?? "base") as Layer;
}

function isGzip(path: string): boolean {
  const start = Buffer.alloc(2);
  const file = openSync(path, "r");
  readSync(file, start, 0, 2, 0);
  closeSync(file);
  return start.equals(GZIP_MAGIC);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
