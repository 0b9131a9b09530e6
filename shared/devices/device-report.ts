/** What was found of a device, as text for a terminal. */
import type { DeviceIdentity } from "./device-identity.js";
import { describeForms } from "./device-profiles.js";
import type { DeviceChoice } from "./self-check.js";

/** A table of the checks, under the choice and above what was rejected. */
export function deviceReport(
  { device, profile, vaeProfile, checks, rejected }: DeviceChoice,
  of: DeviceIdentity,
): string {
  const facts = [
    ["Device", device],
    ["Profile", `${profile.name}: ${describeForms(profile)}`],
    ...(vaeProfile ? [["VAE", `${vaeProfile.name}: ${describeForms(vaeProfile)}`]] : []),
    ["Runtime", `onnxruntime-node ${of.runtime}`],
    ["Adapters", of.adapters.join(", ") || "no PCI display device"],
    ["Drivers", of.drivers.join(", ") || "none found"],
  ];
  const rows = checks.map(({ check, compute, attention, passed, error, limit, ms }) => [
    check === "attention" ? `${check}, ${attention}` : check,
    compute,
    passed ? "right" : "WRONG",
    error === undefined ? "-" : error.toExponential(1),
    limit === 0 ? "-" : limit.toExponential(0),
    `${(ms / 1000).toFixed(1)} s`,
  ]);
  const parts = [
    facts.map(([name, text]) => `${name!.padEnd(10)}${text}`).join("\n"),
    rows.length > 0 ? table([["Check", "Type", "Result", "Error", "Limit", "Time"], ...rows]) : "",
    rejected.map(({ form, reason }) => `Rejected: ${form}: ${reason}`).join("\n"),
  ];
  return parts.filter(Boolean).join("\n\n");
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
