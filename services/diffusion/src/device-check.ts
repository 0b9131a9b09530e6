/** `--device-check`: what the device of the configuration can do, as a table. */
import { readConfig } from "@armature/shared/config/env";
import { AppError } from "@armature/shared/errors";
import { chooseDevice } from "@armature/shared/runtime/devices/choose-device";
import { deviceIdentity } from "@armature/shared/runtime/devices/device-identity";
import { deviceReport } from "@armature/shared/runtime/devices/device-report";
import { Config, deviceOptions } from "./config.js";

/** Runs the checks anew, prints what they found, and gives the exit code: 1 where the device cannot be used. */
export async function deviceCheck(): Promise<number> {
  try {
    const options = deviceOptions(readConfig(Config, process.env));
    const choice = await chooseDevice({ ...options, useCache: false, log: (message) => console.error(message) });
    console.log(deviceReport(choice, deviceIdentity(process.env)));
    return 0;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    console.error(`diffusion: ${error.message}`);
    return 1;
  }
}
