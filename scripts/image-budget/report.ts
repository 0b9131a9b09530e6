/** Measurements as text for a terminal. */
import type { DeploymentSize } from "./deployments.js";
import type { ImageFile, Measurement } from "./measurement.js";
import { type Line, usedShare, type Verdict } from "./verdict.js";

const BAR_WIDTH = 24;
const BIGGEST = 8;
const MARKS: Record<Verdict, string> = { within: "", near: "near its budget", over: "OVER BUDGET" };

/** A table with one bar per layer, and the biggest files below it. */
export function imageReport({ image, source, files }: Measurement, lines: Line[]): string {
  const rows = lines.map(({ part, size, limit, verdict }) =>
    [
      `  ${part.padEnd(13)}`,
      `${megabytes(size.unpacked).padStart(6)} of ${String(limit.unpackedMB).padStart(4)} MB`,
      bar(usedShare(size, limit)),
      `${megabytes(size.compressed).padStart(6)} of ${String(limit.compressedMB).padStart(4)} MB compressed`,
      MARKS[verdict],
    ].join("  "),
  );
  return [`${image}  (${source})`, ...rows, "  biggest files", ...biggestFiles(files)]
    .map((row) => row.trimEnd())
    .join("\n");
}

export function deploymentReport(sizes: DeploymentSize[]): string {
  const rows = sizes.map(({ deployment, codeBytes, weightBytes, repositories, verdict }) => {
    const total = codeBytes + weightBytes;
    const reference = deployment.referenceGB ? `; reference ${deployment.referenceGB} GB` : "";
    return [
      `  ${gigabytes(total)} of ${deployment.maxGB} GB`,
      bar(total / (deployment.maxGB * 1e9)),
      `${deployment.name}: weights of ${repositories} repositories${reference}`,
      MARKS[verdict],
    ].join("  ");
  });
  return ["with weights, by the sizes that the manifest plans", ...rows].map((row) => row.trimEnd()).join("\n");
}

function biggestFiles(files: ImageFile[]): string[] {
  return [...files]
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, BIGGEST)
    .map(({ path, bytes, layer }) => `    ${megabytes(bytes).padStart(6)} MB  ${path}  (${layer})`);
}

function bar(share: number): string {
  const full = Math.min(BAR_WIDTH, Math.round(share * BAR_WIDTH));
  return "█".repeat(full).padEnd(BAR_WIDTH, "░");
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

export function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(2);
}
