import type { ModelConfig } from "@armature/weights";
import type { ComponentKind } from "./index.js";

/** A folder of weights, as the row of a family or an adapter has it. */
export interface ComponentRow<Config> {
  kind: ComponentKind;
  /** Its config.json as the networks' own. Throws InvalidModel by name for what is not supported. */
  read(config: ModelConfig): Config;
  /** Names of the networks over its weights that every request uses, and of those that some do. */
  always: readonly string[];
  sometimes: readonly string[];
}
