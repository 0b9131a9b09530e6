/** The device that a service computes on: chosen at its start, and told in the log and in answers. */

import type { DeviceInfo } from "@armature/contract";
import { type ChooseDeviceOptions, chooseDevice, type DeviceChoice, describeForms } from "@armature/devices";
import type { Logger } from "pino";

/** Chooses the device; the log gets each check, what is not used and why, and what computes. Throws DeviceUnavailable. */
export async function chooseServedDevice(
  options: Omit<ChooseDeviceOptions, "log" | "useCache">,
  log: Logger,
): Promise<DeviceChoice> {
  const choice = await chooseDevice({ ...options, log: (message) => log.info(message) });
  const { device, profile, rejected } = choice;
  for (const { form, reason } of rejected) log.warn({ form }, `${form} is not used: ${reason}`);
  log.info({ device }, `${device} computes: ${describeForms(profile)}`);
  return choice;
}

/** The choice as answers show it. */
export function describeDevice({ device, profile, vaeProfile, checks, rejected }: DeviceChoice): DeviceInfo {
  return {
    name: device,
    profile: describeForms(profile),
    ...(vaeProfile && { vae_profile: describeForms(vaeProfile) }),
    checks: checks.map(({ check, compute, attention, passed, error, limit, ms, reason }) => ({
      check: check === "attention" ? `${check}, ${attention}` : check,
      type: compute,
      passed,
      ...(error !== undefined && Number.isFinite(error) && { error }),
      limit,
      ms: Math.round(ms),
      ...(reason && { reason }),
    })),
    rejected,
  };
}
