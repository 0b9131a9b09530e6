/** The configs of components by their kinds: of folders, or of models at full size. */
import { join } from "node:path";
import { ModelConfig } from "@armature/weights";
import { DEPTH_ANYTHING_CONFIG } from "./depth-anything-model.js";
import { DPT_CONFIGS } from "./dpt-models.js";
import type { Components } from "./networks.js";
import { SD15_CONFIGS } from "./sd15.js";

/** A component's config.json as it is before a network has read it. */
export type Configs = Readonly<Record<string, () => ModelConfig>>;

/** The config of that kind. Throws where there is none. */
export function configOf(configs: Configs, kind: string): ModelConfig {
  const config = configs[kind];
  if (!config) throw new Error(`There is no config of the kind ${kind}; there are ${Object.keys(configs).join(", ")}`);
  return config();
}

export const configsOfFolders = (components: Components): Configs =>
  mapped(components, (_, folder) => ModelConfig.read(join(folder, "config.json")));

/** Stable Diffusion 1.5, a ControlNet of its size, and depth networks. */
export const fullSizeConfigs = (): Configs =>
  mapped(
    { ...SD15_CONFIGS, depth: DPT_CONFIGS.large, depth_anything: DEPTH_ANYTHING_CONFIG },
    (kind, config) => new ModelConfig(kind, { ...config }),
  );

function mapped<T>(values: Readonly<Record<string, T>>, read: (kind: string, value: T) => ModelConfig): Configs {
  return Object.fromEntries(Object.entries(values).map(([kind, value]) => [kind, () => read(kind, value)]));
}
