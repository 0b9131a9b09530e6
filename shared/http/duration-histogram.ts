/** Histograms of durations, with the same buckets everywhere. */
import { Histogram, type Registry } from "prom-client";

/** Upper bounds of the buckets, in seconds: from a quick list to minutes of denoising on a CPU. */
const BUCKETS_S = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];

interface DurationMetric<Label extends string> {
  name: string;
  help: string;
  labelNames: readonly Label[];
}

/** A histogram of seconds, with the buckets that all durations of a service have. */
export const durationHistogram = <Label extends string>(
  registry: Registry,
  { labelNames, ...metric }: DurationMetric<Label>,
): Histogram<Label> =>
  new Histogram({ ...metric, labelNames: [...labelNames], buckets: BUCKETS_S, registers: [registry] });
