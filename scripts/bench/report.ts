/** The results as a table with ratios. */
import { gigabytes } from "@armature/core";
import type { Measured } from "./measure.js";

export interface Row {
  model: string;
  workload: string;
  form: string;
  /** Another program. */
  peer: boolean;
  loadS: number;
  /** The median of each round. */
  roundsS: number[];
  fastestS: number;
  peakBytes: number;
  /** NaN for peers. */
  privateBytes: number;
}

/** The rounds of one case as one row: the quickest load, the highest peak. */
export function toRow(of: Pick<Row, "model" | "workload" | "form" | "peer">, rounds: Measured[]): Row {
  return {
    ...of,
    loadS: Math.min(...rounds.map(({ loadS }) => loadS)),
    roundsS: rounds.map(({ timesS }) => median(timesS)),
    fastestS: Math.min(...rounds.flatMap(({ timesS }) => timesS)),
    peakBytes: Math.max(...rounds.map(({ peakBytes }) => peakBytes)),
    privateBytes: Math.max(...rounds.map(({ privateBytes }) => privateBytes)),
  };
}

/** A Markdown table. Ratios are medians of each round's own, so that what slows a whole round cancels out. */
export function table(rows: Row[]): string {
  const hasPeers = rows.some(({ peer }) => peer);
  const lines = rows.map((row) => {
    const others = rows.filter(({ model, workload }) => model === row.model && workload === row.workload);
    const plain = others.find(({ form }) => form === "plain");
    const peer = others.find((other) => other.peer);
    return [
      ...[row.model, row.workload, row.form],
      ...[row.loadS, median(row.roundsS), row.fastestS].map(seconds),
      ratio(row, plain),
      ...(hasPeers ? [ratio(row, peer)] : []),
      ...[row.peakBytes, row.privateBytes].map(measuredGigabytes),
    ];
  });
  const times = ["load", "median", "fastest", "to plain", ...(hasPeers ? ["to peer"] : [])];
  return markdown([["model", "workload", "form", ...times, "peak memory", "private"], ...lines]);
}

/** A Markdown table of a head and lines. */
export function markdown([head = [], ...lines]: string[][]): string {
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function ratio(row: Row, base: Row | undefined): string {
  if (!base) return "";
  return median(row.roundsS.map((time, round) => time / base.roundsS[round]!)).toFixed(2);
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function seconds(value: number): string {
  return `${value < 1 ? value.toPrecision(2) : value.toFixed(2)} s`;
}

/** Bytes in GB; nothing where they were not measured. */
export function measuredGigabytes(bytes: number): string {
  return Number.isNaN(bytes) ? "" : gigabytes(bytes);
}
