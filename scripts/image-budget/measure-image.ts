/** An image that is built: by its name at an engine, as a file, as a folder. */
import { lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { output } from "../container/command.js";
import { findEngine } from "../container/find-engine.js";
import { LAYERS, layerOf } from "../container/layers.js";
import { emptyLayers, gzipBytes, type ImageFile, type Measurement } from "./measurement.js";
import { isImageLayout, measureLayout } from "./oci-layout.js";

/**
 * Measures `source`, which is an OCI layout, a root filesystem, an archive of `docker save` or of an OCI layout (`.tar`), or else the name of an
 * image at Docker or buildah. `image` is its name in the budget, such as `diffusion:cpu`.
 */
export async function measureImage(image: string, source: string): Promise<Measurement> {
  const kind = statSync(source, { throwIfNoEntry: false });
  if (kind?.isDirectory()) return isImageLayout(source) ? measureLayout(image, source) : measureRoot(image, source);
  const folder = mkdtempSync(join(tmpdir(), "image-"));
  try {
    if (kind) output("tar", ["--extract", "--file", source, "--directory", folder]);
    else findEngine().save(source, folder);
    return await measureLayout(image, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureRoot(image: string, root: string): Promise<Measurement> {
  const files = filesBelow(root);
  const layers = emptyLayers();
  for (const layer of LAYERS) {
    const held = files.filter((file) => file.layer === layer);
    layers[layer].unpacked = held.reduce((sum, { bytes }) => sum + bytes, 0);
    layers[layer].compressed = held.length > 0 ? await gzipBytes(held.map(({ path }) => join(root, path))) : 0;
  }
  return { image, source: "root filesystem", layers, files };
}

function filesBelow(root: string, below = ""): ImageFile[] {
  return readdirSync(join(root, below))
    .sort()
    .flatMap((name) => {
      const path = `${below}/${name}`;
      const entry = lstatSync(join(root, path));
      if (entry.isDirectory()) return filesBelow(root, path);
      return entry.isFile() ? [{ layer: layerOf(path), path, bytes: entry.size }] : [];
    });
}
