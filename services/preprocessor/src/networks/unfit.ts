import { InvalidModel } from "@armature/core";
import type { ModelConfig } from "@armature/weights";

/** The error for a key of a config.json whose value a network cannot compute with. */
export function unfit(config: ModelConfig, key: string, value: unknown, why: string): InvalidModel {
  return new InvalidModel(`${config.file}: ${key} is ${value}; ${why}`);
}
