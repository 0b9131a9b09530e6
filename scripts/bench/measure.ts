/** One measurement, in a process of its own so that the peak of memory is its own: `measure.js '<JSON of a Measurement>'`. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { engineEnvironment } from "@armature/engine";
import type { Measurement } from "./cases.js";
import { openWorkload } from "./workloads.js";

export interface Measured {
  loadS: number;
  timesS: number[];
  /** The most physical memory ever, mapped pages of files included; and what is private at the end. */
  peakBytes: number;
  privateBytes: number;
}

/** Measures in a new process. */
export function measureApart(measurement: Measurement): Measured {
  const script = fileURLToPath(import.meta.url);
  const output = execFileSync(process.execPath, [script, JSON.stringify(measurement)], {
    encoding: "utf8",
    env: engineEnvironment(process.env), // as an engine has it
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output) as Measured;
}

/** Measures the load of a network, then its repeats; with no repeats the load alone. */
async function measure(m: Measurement): Promise<Measured> {
  let run: () => Promise<unknown> = async () => {};
  const loadS = await seconds(async () => {
    run = await openWorkload(m);
  });
  const timesS: number[] = [];
  if (m.repeats > 0) await run();
  for (let i = 0; i < m.repeats; i++) timesS.push(await seconds(run));
  return { loadS, timesS, peakBytes: memory("VmHWM"), privateBytes: memory("RssAnon") };
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

/** A line of /proc/self/status in bytes; NaN where there is no such file. */
function memory(name: string): number {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"));
    return Number(line?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]!) as Measurement)));
}
