/** Lays out the layers of a service's image as folders for its Dockerfile to copy. Runs inside the image build, on Debian. */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type ContentFile, SERVICES, type ServiceName, serviceContent } from "./container/image-content.js";
import { LayerFolder } from "./container/layer-folder.js";
import { LAYERS, type Layer } from "./container/layers.js";
import { readPlatform } from "./container/platform.js";
import { writeBaseLayer, writeNodeLayer } from "./container/system-layers.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const NATIVE = /\.(?:node|so(?:\.\d+)*)$/;

const { values } = parseArgs({
  options: { service: { type: "string" }, platform: { type: "string" }, out: { type: "string" } },
});
const service = SERVICES.find((name) => name === values.service);
if (!service || !values.platform || !values.out) {
  throw new Error("usage: assemble-image --service preprocessor|diffusion --platform linux/amd64 --out FOLDER");
}
assemble(service, values.platform, values.out);

function assemble(name: ServiceName, platformText: string, out: string): void {
  const platform = readPlatform(platformText);
  const { files, links } = serviceContent(ROOT, name, platform);
  const layers = Object.fromEntries(LAYERS.map((layer) => [layer, new LayerFolder(join(out, layer))])) as Record<
    Layer,
    LayerFolder
  >;
  for (const { layer, source, path } of files) layers[layer].copy(source, path);
  for (const { path, target } of links) layers.dependencies.link(path, target);
  writeBaseLayer(layers.base, platform, nativeModules(files), new Set(files.map(({ path }) => basename(path))));
  writeNodeLayer(layers.node);

  const state = new LayerFolder(join(out, "state"));
  state.folder("/cache", 0o755);
  state.folder("/weights", 0o755);
  for (const layer of [...Object.values(layers), state]) layer.stamp(Number(process.env.SOURCE_DATE_EPOCH ?? 0));
}

function nativeModules(files: ContentFile[]): string[] {
  return files.filter(({ path }) => NATIVE.test(path)).map(({ source }) => source);
}
