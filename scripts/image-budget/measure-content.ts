/** An image that is not built: the files that its Dockerfile would copy, and the recorded size of its pinned base. */
import { type ServiceName, serviceContent } from "../container/image-content.js";
import { LAYERS } from "../container/layers.js";
import { type Platform, platformName } from "../container/platform.js";
import type { BudgetFile } from "./budget-file.js";
import { emptyLayers, gzipBytes, type Measurement } from "./measurement.js";

/** Measures the `cpu` image of a service from what is installed and built below `root`. */
export async function measureContent(
  root: string,
  service: ServiceName,
  platform: Platform,
  budget: BudgetFile,
): Promise<Measurement> {
  const recorded = budget.recorded[platformName(platform)];
  if (!recorded)
    throw new Error(
      `no size of the base is recorded for ${platformName(platform)}: measure a built image with --record`,
    );
  const { files: content } = serviceContent(root, service, platform);
  const layers = emptyLayers();
  for (const layer of LAYERS) {
    const files = content.filter((file) => file.layer === layer);
    layers[layer].unpacked = files.reduce((sum, { bytes }) => sum + bytes, 0);
    layers[layer].compressed = files.length > 0 ? await gzipBytes(files.map(({ source }) => source)) : 0;
  }
  layers.base = recorded.base;
  layers.node = recorded.node;
  const files = content.map(({ layer, path, bytes }) => ({ layer, path, bytes }));
  const source = `content for ${platformName(platform)}, base as recorded from ${recorded.from}`;
  return { image: `${service}:cpu`, source, layers, files };
}
