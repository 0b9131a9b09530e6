/** What a soak has seen, and whether that is well. */
import { megabytes } from "@armature/core";
import { judgeMemory } from "../load-test/memory-verdict.js";
import { ROUND } from "./requests.js";

/** The service after one generation. */
export interface SoakSample {
  /** Resident bytes of the service's processes. On a software device the device's memory is among them. */
  memoryBytes: number;
  /** Results that ended jobs have left on the device. */
  deviceTensors: number;
  /** What the generation took. */
  seconds: number;
}

interface SoakVerdict {
  /** What is not well, one sentence each. */
  failures: string[];
  /** What could not be told. */
  remark?: string;
}

/** Growth is that of medians, from when all is warm to the end. */
export function judgeSoak(samples: readonly SoakSample[]): SoakVerdict {
  const failures: string[] = [];
  const { flat, warm, end } = judgeMemory(samples);
  if (flat === false) failures.push(`memory grew from ${megabytes(warm)} to ${megabytes(end)}`);
  const left = Math.max(0, ...samples.map(({ deviceTensors }) => deviceTensors));
  if (left > 0) failures.push(`jobs left up to ${left} tensors on the device`);
  return { failures, ...(flat === undefined && { remark: "too few generations to tell whether memory is flat" }) };
}

/** A table of start (the first round is over), middle and end, and the verdict. */
export function soakReport(samples: readonly SoakSample[], { failures, remark }: SoakVerdict): string {
  const places = [Math.min(ROUND, samples.length), Math.ceil(samples.length / 2), samples.length];
  const rows = ["start", "middle", "end"].map((name, i) => {
    const { memoryBytes, deviceTensors } = samples[places[i]! - 1]!;
    return [name, `${places[i]}`, megabytes(memoryBytes), `${deviceTensors}`];
  });
  const table = [["", "after", "memory", "tensors left"], ...rows].map(
    ([name, after, memory, left]) =>
      `${name!.padEnd(7)}${after!.padStart(6)}${memory!.padStart(10)}${left!.padStart(14)}`,
  );
  const seconds = samples.map((sample) => sample.seconds).toSorted((a, b) => a - b);
  const median = seconds[Math.floor(seconds.length / 2)]!;
  const total = seconds.reduce((sum, value) => sum + value, 0);
  return [
    ...table,
    "",
    `${samples.length} generations in ${(total / 60).toFixed(1)} minutes, ${median.toFixed(1)} s each (median)`,
    ...(remark ? [remark] : []),
    failures.length > 0 ? `NOT WELL: ${failures.join("; ")}` : "well: nothing left on the device, memory within bounds",
  ].join("\n");
}
