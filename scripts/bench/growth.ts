/** How the cost of a step or a picture grows with what a request asks for and with what computes it. */
import { type Asked, type BenchModel, type CaseOptions, type Measurement, measurementOf } from "./cases.js";
import type { Measured } from "./measure.js";
import { markdown, measuredGigabytes, median, seconds } from "./report.js";
import type { Form } from "./timed-network.js";

export const AXES = ["pixels a side", "steps", "pictures", "ControlNets", "threads"] as const;
export type Axis = (typeof AXES)[number];

export interface GrowthPoint {
  model: string;
  form: Form;
  axis: Axis;
  value: number;
  measurement: Measurement;
}

export interface GrowthRow extends Omit<GrowthPoint, "measurement"> {
  /** The median of each round. */
  roundsS: number[];
  peakBytes: number;
}

const SIDES = [256, 384, 512, 640, 768, 1024];
/** Few: each further step costs as much as the one before. */
const STEPS = [1, 2, 4];
const PICTURES = [1, 2, 3, 4];
const CONTROLNETS = [0, 1, 2, 3];

/** The points to measure: one axis grows at a time, from a picture of the model's size without a ControlNet. */
export function growthPoints(model: BenchModel, form: Form, options: CaseOptions): GrowthPoint[] {
  const threads = Array.from({ length: options.threads }, (_, i) => i + 1);
  const along = (axis: Axis, values: number[], askedAt: (value: number) => Asked) =>
    values.map((value) => {
      const workload = axis === "steps" ? "picture" : "step";
      const measurement = measurementOf(model, workload, form, options, askedAt(value));
      return { model: model.name, form, axis, value, measurement };
    });
  return [
    ...along("pixels a side", SIDES, (size) => ({ size })),
    ...along("steps", STEPS, (steps) => ({ steps })),
    ...along("pictures", PICTURES, (pictures) => ({ pictures })),
    ...along("ControlNets", CONTROLNETS, (controlnets) => ({ controlnets })),
    ...along("threads", threads, (count) => ({ threads: count })),
  ];
}

export function toGrowthRow({ measurement: _, ...point }: GrowthPoint, rounds: Measured[]): GrowthRow {
  return {
    ...point,
    roundsS: rounds.map(({ timesS }) => median(timesS)),
    peakBytes: Math.max(...rounds.map(({ peakBytes }) => peakBytes)),
  };
}

/** A Markdown table; ratios are to the first point of the axis, and to what proportion would make of it. */
export function growthTable(rows: GrowthRow[]): string {
  const lines = rows.map((row) => {
    const first = firstOf(rows, row);
    const growth = timeOf(row) / timeOf(first);
    const asked = row.axis === "threads" ? Number.NaN : extent(row) / extent(first);
    return [
      ...[row.model, row.axis, String(row.value), seconds(timeOf(row)), growth.toFixed(2)],
      ...[Number.isFinite(asked) ? (growth / asked).toFixed(2) : "", measuredGigabytes(row.peakBytes)],
    ];
  });
  return markdown([["model", "with", "at", "median", "to the first", "to proportion", "peak memory"], ...lines]);
}

export function timeOf({ roundsS }: GrowthRow): number {
  return median(roundsS);
}

/** What a point asks for: of a square picture, its pixels. */
export function extent({ axis, value }: Pick<GrowthRow, "axis" | "value">): number {
  return axis === "pixels a side" ? value ** 2 : value;
}

function firstOf(rows: GrowthRow[], { model, axis }: GrowthRow): GrowthRow {
  return rows.find((other) => other.model === model && other.axis === axis)!;
}
