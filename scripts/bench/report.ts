/** The results as a table with ratios, and as a chart. */
import type { Measured, Measurement } from "./measure.js";

export interface Row {
  model: string;
  part: Measurement["part"];
  form: string;
  loadS: number;
  /** Of all rounds. */
  timesS: number[];
  peakBytes: number;
  /** NaN for peers. */
  privateBytes: number;
}

/** The rounds of one case as one row: all times, the quickest load, the highest peak. */
export function toRow(model: string, { part, form }: Measurement, rounds: Measured[]): Row {
  return {
    ...{ model, part, form },
    loadS: Math.min(...rounds.map(({ loadS }) => loadS)),
    timesS: rounds.flatMap(({ timesS }) => timesS),
    peakBytes: Math.max(...rounds.map(({ peakBytes }) => peakBytes)),
    privateBytes: Math.max(...rounds.map(({ privateBytes }) => privateBytes)),
  };
}

/** A Markdown table. The ratio is to the slowest median of the same part of the same model. */
export function table(rows: Row[]): string {
  const lines = rows.map((row) => {
    const slowest = Math.max(...rows.filter((other) => sameThing(other, row)).map(({ timesS }) => median(timesS)));
    const cells = [
      ...[row.model, row.part, row.form],
      ...[row.loadS, median(row.timesS), Math.min(...row.timesS)].map(seconds),
      (median(row.timesS) / slowest).toFixed(2),
      ...[row.peakBytes, row.privateBytes].map(gigabytes),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head = "| model | part | form | load | median | fastest | ratio | peak memory | private |";
  return [head, "|---|---|---|---|---|---|---|---|---|", ...lines].join("\n");
}

const BAR = { height: 18, gap: 6, labels: 330, width: 420 };
const COLOURS: Record<string, string> = { "in place": "#7a9cc6", prepared: "#2f6db3" };

/** Median seconds of each row of one model as horizontal bars. */
export function chart(rows: Row[], title: string): string {
  const longest = Math.max(...rows.map(({ timesS }) => median(timesS)));
  const pitch = BAR.height + BAR.gap;
  const bars = rows.map((row, i) => {
    const time = median(row.timesS);
    const length = (time / longest) * BAR.width;
    const y = 40 + i * pitch;
    const middle = y + BAR.height / 2 + 4;
    return [
      `<text x="${BAR.labels - 8}" y="${middle}" text-anchor="end">${escaped(`${row.part}, ${row.form}`)}</text>`,
      `<rect x="${BAR.labels}" y="${y}" width="${length.toFixed(1)}" height="${BAR.height}" fill="${COLOURS[row.form] ?? "#b0b0b0"}"/>`,
      `<text x="${(BAR.labels + length + 6).toFixed(1)}" y="${middle}">${seconds(time)}</text>`,
    ].join("\n");
  });
  const size = `width="${BAR.labels + BAR.width + 70}" height="${50 + rows.length * pitch}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="16" y="24" font-size="15">${escaped(title)}</text>`,
    ...bars,
    "</svg>\n",
  ].join("\n");
}

function sameThing(a: Row, b: Row): boolean {
  return a.model === b.model && a.part === b.part;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function seconds(value: number): string {
  return `${value < 1 ? value.toPrecision(2) : value.toFixed(2)} s`;
}

function gigabytes(bytes: number): string {
  return Number.isNaN(bytes) ? "" : `${(bytes / 1e9).toFixed(2)} GB`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
