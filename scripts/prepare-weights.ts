/** `npm run prepare-weights`: makes the forms of weights that the CPU computes with, so that the first request need not wait. */
import { Config, machineDefaults } from "@armature/diffusion/config";
import { readCatalogue } from "@armature/diffusion/engine/catalogue";
import { loadableControlNet, loadableModel, loadableShallowUNet } from "@armature/diffusion/engine/loadables";
import { configHelp, readConfig } from "@armature/shared/config/env";
import { AppError, InvalidConfig } from "@armature/shared/errors";
import { CPU_PROFILE } from "@armature/shared/graph/profile";
import type { Loadable } from "@armature/shared/runtime/residency";

const USAGE = `npm run prepare-weights

Makes the prepared form of every network that the diffusion service would serve with this environment, in CACHE_DIR, as the
service itself does at first load. What is there and whole is left as it is. A full-size UNet takes about half a minute, 4.6 GB of disk
and 8 GB of memory for that time. Networks that take less than 24 MB of weights, reckoned in float32, need none.
`;

if (process.argv.includes("--help")) console.log(`${USAGE}\nEnvironment\n${configHelp(Config)}`);
else process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const config = readConfig(Config, process.env);
    const { modelsDir, threads, prepared } = machineDefaults(config);
    if (!prepared) throw new InvalidConfig("PREPARED_GB is 0: there is nothing to prepare");
    const { models, controlnets } = readCatalogue({
      modelsDir,
      models: config.MODELS,
      controlnets: config.CONTROLNETS,
    });
    const device = { profile: CPU_PROFILE, threads, prepared };
    const { PRECISION } = config;
    for (const entry of models) {
      await prepare(loadableModel(entry, device, PRECISION));
      await prepare(loadableShallowUNet(entry, device, PRECISION));
    }
    for (const entry of controlnets) await prepare(loadableControlNet(entry, device, PRECISION));
    console.log(prepared.folder);
    return 0;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    console.error(`prepare-weights: ${error.message}`);
    return 1;
  }
}

async function prepare<T>({ key, load, release }: Loadable<T>): Promise<void> {
  console.log(key);
  await release(await load());
}
