/** `npm run prepare-weights`: makes the forms of weights that the CPU computes with, so that the first request need not wait. */
import { parseArgs } from "node:util";
import { configHelp, readConfig } from "@armature/config";
import { AppError, InvalidConfig } from "@armature/core";
import {
  adapterSelection,
  Config as DiffusionConfig,
  machineDefaults as diffusionDefaults,
} from "@armature/diffusion/config";
import { loadableUses } from "@armature/diffusion/engine/load-networks";
import { readServed } from "@armature/diffusion/served/read-served";
import { allWeights } from "@armature/diffusion/served/served";
import { usesOf } from "@armature/diffusion/served/served-networks";
import { CPU_PROFILE } from "@armature/graph";
import { PROCESSORS } from "@armature/preprocessor/annotators/index";
import { Config, modelChoices, machineDefaults as preprocessorDefaults } from "@armature/preprocessor/config";
import { loadableNetworks } from "@armature/preprocessor/engine/loadable-networks";
import { readProcessorModels, servedProcessors } from "@armature/preprocessor/engine/processor-models";
import type { Loadable, PreparedSettings } from "@armature/runtime";
import type { LeftOut } from "@armature/weights";

/** The two services have a WARM each, with names of their own; nothing here reads either. */
const PreprocessorConfig = Config.omit({ WARM: true });

const USAGE = `npm run prepare-weights -- [--only diffusion|preprocessor]

Makes the prepared form of every network that the services would serve with this environment, in CACHE_DIR, as they do themselves
at first load. What is there and whole is left as it is. A full-size UNet takes about half a minute, 4.6 GB of disk and 8 GB of memory
for that time; DPT-large a quarter of a minute, 1.5 GB and 2 GB. Networks that take less than 24 MB of weights, reckoned in float32,
need none.

  --only SERVICE   diffusion or preprocessor: for a machine that runs one of them

Environment of diffusion
${configHelp(DiffusionConfig)}

Environment of the preprocessor
${configHelp(PreprocessorConfig)}`;

interface Preparation {
  folder: string;
  loadables: Loadable<unknown>[];
}

const SERVICES = { diffusion: ofDiffusion, preprocessor: ofPreprocessor };

const { values } = parseArgs({ options: { only: { type: "string" }, help: { type: "boolean", default: false } } });
if (values.help) console.log(USAGE);
else process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const preparations = chosenServices().map((preparation) => preparation());
    for (const { folder, loadables } of preparations) {
      for (const loadable of loadables) await prepare(loadable);
      console.log(folder);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    console.error(`prepare-weights: ${error.message}`);
    return 1;
  }
}

function chosenServices(): (() => Preparation)[] {
  const chosen = Object.entries(SERVICES).filter(([name]) => values.only === undefined || values.only === name);
  if (chosen.length > 0) return chosen.map(([, preparation]) => preparation);
  throw new InvalidConfig(`--only: wants ${Object.keys(SERVICES).join(" or ")}, found ${values.only}`);
}

function ofDiffusion(): Preparation {
  const config = readConfig(DiffusionConfig, process.env);
  const { modelsDir, threads, prepared } = diffusionDefaults(config);
  const device = { profile: CPU_PROFILE, threads, prepared: wanted(prepared) };
  const { MODELS, PRECISION } = config;
  const served = readServed({ modelsDir, models: MODELS, adapters: adapterSelection(config) });
  const { models, adapters } = served.leftOut;
  for (const model of [...models, ...Object.values(adapters).flat()]) tellLeftOut(model);
  const uses = allWeights(served).flatMap((entry) => usesOf(entry, PRECISION));
  return { folder: device.prepared.folder, loadables: loadableUses(uses, served, device) };
}

function ofPreprocessor(): Preparation {
  const config = readConfig(PreprocessorConfig, process.env);
  const { modelsDir, threads, prepared } = preprocessorDefaults(config);
  const device = { profile: CPU_PROFILE, threads, prepared: wanted(prepared) };
  const choices = modelChoices(config);
  const models = readProcessorModels({ processors: PROCESSORS, modelsDir, choices, leaveOut: tellLeftOut });
  const loadables = servedProcessors(PROCESSORS, models).flatMap((processor) =>
    Object.values(loadableNetworks(processor, models, device)),
  );
  return { folder: device.prepared.folder, loadables: [...new Map(loadables.map((one) => [one.key, one])).values()] };
}

function tellLeftOut({ id, reason }: LeftOut): void {
  console.error(`${id} is left out, it cannot work: ${reason}`);
}

function wanted(prepared: PreparedSettings | undefined): PreparedSettings {
  if (!prepared) throw new InvalidConfig("PREPARED_GB is 0: there is nothing to prepare");
  return prepared;
}

async function prepare<T>({ key, load, release }: Loadable<T>): Promise<void> {
  console.log(key);
  await release(await load());
}
