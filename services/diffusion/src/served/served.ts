/** What this service serves: models, and adapters that steer them. */
import type { LeftOut } from "@armature/weights";
import type { AdapterConfig, AdapterKind } from "../adapters/index.js";
import type { ModelFacts } from "../facts/served-facts.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import type { PrecisionBytes, ServedNetwork } from "./component.js";
import type { Recommendation } from "./recommendation.js";

/** What is loaded and unloaded as one, by its id. */
export interface ServedWeights {
  /** The folder's path under MODELS_DIR, such as `Lykon/DreamShaper`. */
  id: string;
  folder: string;
  networks: ServedNetwork[];
  /** Of all its weights. */
  bytes: PrecisionBytes;
}

export interface ServedModel extends ModelFacts, ServedWeights {
  schedulerConfig: SchedulerConfig;
  recommended: Recommendation;
}

/** An adapter of one of these kinds. */
export type ServedAdapter<Kind extends AdapterKind = AdapterKind> = {
  [K in Kind]: ServedWeights & {
    kind: K;
    /** By which requests name it, or others of its type. */
    type: string;
    config: AdapterConfig<K>;
  };
}[Kind];

export interface Served {
  models: ServedModel[]; // the first is the default
  adapters: ServedAdapter[];
}

export interface Selected extends Served {
  /** What was found, not named, and cannot work. */
  leftOut: { models: LeftOut[]; adapters: Record<AdapterKind, LeftOut[]> };
}

/** All that is served, models first. */
export const allWeights = ({ models, adapters }: Served): ServedWeights[] => [...models, ...adapters];
