/** The settings of the preprocessor service. */
import { commaList, flag } from "@armature/config";
import { modelId, name } from "@armature/contract";
import {
  count,
  deviceSettings,
  listenSettings,
  type MachineConfig,
  MODELS_DIR,
  machineDefaults as machineDefaultsOf,
  machineSettings,
  PRIVATE_SOURCES,
  preparedSettings,
} from "@armature/service";
import { z } from "zod";
import { dptDepth } from "./depth/dpt-depth.js";
import type { ModelChoice } from "./engine/processor-models.js";

const processorModel = z
  .string()
  .regex(/^[\w.+-]+=[\w./+-]+$/, "wants processor=model, such as depth_midas=Intel/dpt-hybrid-midas");

/** The processor that DEPTH_MODEL is about: DEPTH_MODEL=id is short for PROCESSOR_MODELS=depth_midas=id. */
const DEPTH_PROCESSOR = "depth_midas";

/** The service's whole configuration, from environment variables. */
export const Config = z.object({
  MODELS_DIR,
  PROCESSOR_MODELS: commaList(processorModel).describe(
    "Models that processors use, comma-separated: processor=model, such as depth_midas=Intel/dpt-hybrid-midas; default the embedded one, else the first there is that fits",
  ),
  DEPTH_MODEL: modelId
    .optional()
    .describe(
      `Id of the ${dptDepth.family} model that ${DEPTH_PROCESSOR} uses, such as ${dptDepth.example}; default ${dptDepth.preferred}, else the first there is. Short for ${DEPTH_PROCESSOR}=... in PROCESSOR_MODELS`,
    ),
  WARM: commaList(name).describe(
    "Processors whose models to load at the start, comma-separated; default none: at first use. Where one cannot be loaded, the service is not ready",
  ),
  ...listenSettings(2222),
  ...deviceSettings,
  ...machineSettings,
  ...preparedSettings(4),
  QUEUE_LIMIT: count(16).describe(
    "Requests that may wait for their turn, and as many more whose pictures are on their way; a further one gets 429",
  ),
  QUEUE_LIMIT_PER_CLIENT: count(16).describe("Requests of one client address that may wait"),
  MAX_WAIT_S: count(120).describe("Seconds that a request may wait for its start"),
  MAX_JOB_S: count(300).describe(
    "Seconds that one picture may take, and as many that its model's loading may; then the engine is restarted. Sooner where pictures before it were much quicker",
  ),
  MAX_PIXELS: count(50_000_000).describe("Width x height of a picture"),
  MAX_BODY_MB: count(32).describe("Megabytes of a request's body, and of a picture fetched from a URL"),
  URL_SOURCES: flag().default(true).describe("Whether requests may name pictures by URL"),
  PRIVATE_SOURCES,
});

export type Config = z.infer<typeof Config>;

/** The models that the operator chose, each with the variable that names it. */
export function modelChoices({
  DEPTH_MODEL,
  PROCESSOR_MODELS = [],
}: Pick<Config, "DEPTH_MODEL" | "PROCESSOR_MODELS">): ModelChoice[] {
  const listed = PROCESSOR_MODELS.map((choice) => {
    const [processor = "", model = ""] = choice.split("=");
    return { processor, model, variable: "PROCESSOR_MODELS" };
  });
  const depth = DEPTH_MODEL && { processor: DEPTH_PROCESSOR, model: DEPTH_MODEL, variable: "DEPTH_MODEL" };
  return depth ? [...listed, depth] : listed;
}

/** Values for this machine of the settings that the operator left open. */
export const machineDefaults = (config: MachineConfig & Pick<Config, "MODELS_DIR" | "PREPARED_GB">) =>
  machineDefaultsOf("preprocessor", config);
