/** What was measured, as a table. */
import { markdown } from "../bench/report.js";
import type { LayerForm, LayerShape, TunedLayer } from "./layers.js";
import type { FormTimes } from "./measure-layer.js";

export interface TuneRow extends TunedLayer {
  network: string;
  /** Side of the picture, in pixels. */
  size: number;
  times: FormTimes;
}

/** Within this share of the winner's time, another choice is no worse than the measurement. */
const TIE = 1.05;

function winner({ times }: Pick<TuneRow, "times">): LayerForm {
  const [[form]] = Object.entries(times).sort(([, a], [, b]) => a - b) as [[LayerForm, number]];
  return form;
}

/** Milliseconds that another choice would save in each call of the network; 0 for a tie. */
export function savedMs(row: TuneRow): number {
  const [chosen, best] = [row.times[row.chosen]!, row.times[winner(row)]!];
  return chosen <= best * TIE ? 0 : row.count * (chosen - best);
}

export function tuneTable(rows: TuneRow[]): string {
  const lines = rows.map((row) => {
    const times = Object.entries(row.times).map(([form, ms]) => `${form} ${milliseconds(ms)}`);
    const saved = savedMs(row);
    return [
      ...[row.network, String(row.size), describe(row.shape), String(row.count), times.join(", ")],
      ...[winner(row), row.chosen, saved > 0 ? milliseconds(saved) : ""],
    ];
  });
  const head = ["network", "pixels", "layer", "how many", "ms of each form", "fastest", "the table's", "would save"];
  return markdown([head, ...lines]);
}

export function describe(shape: LayerShape): string {
  if (shape.kind === "convolution") {
    const { batch, height, width, inputs, outputs } = shape;
    return `3x3, ${inputs} to ${outputs} at ${batch} x ${height}x${width}`;
  }
  const { batch, queries, keys, width, heads } = shape;
  return `attention, ${queries} to ${keys} x ${width}, ${heads} heads, ${batch} at once`;
}

function milliseconds(ms: number): string {
  return ms < 10 ? ms.toPrecision(2) : ms.toFixed(0);
}
