/** The times that other programs take on the same machine, measured by a command that the user names. */
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { z } from "zod";
import type { Measurement } from "./cases.js";
import type { Measured } from "./measure.js";
import { DEPTH_HYBRID } from "./networks.js";

/** What the command prints as its last line: one object for each program that can do the workload. */
const PeerResults = z.array(
  z.object({ form: z.string(), loadS: z.number(), timesS: z.array(z.number()).min(1), peakBytes: z.number() }),
);

export interface PeerMeasured extends Measured {
  /** The program's name, such as `PyTorch 2.14`. */
  form: string;
}

/**
 * Runs `COMMAND --part P --model M --controlnet C --depth D --size PIXELS --batch B --threads T --repeats N` for one workload.
 * The shell splits the command, so it may have arguments of its own. Throws where it fails or answers otherwise.
 */
export function measurePeers(command: string, measurement: Measurement): PeerMeasured[] {
  const { workload: part, components, size, pictures, threads, repeats } = measurement;
  const { unet = "", controlnet = "" } = components;
  const depth = components[part === DEPTH_HYBRID ? DEPTH_HYBRID : "depth"] ?? "";
  const options = { part, model: dirname(unet), controlnet, depth, size, batch: 2 * pictures, threads, repeats };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const output = execFileSync("/bin/sh", ["-c", `${command} "$@"`, "peers", ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return readPeers(output).map((result) => ({ privateBytes: Number.NaN, ...result }));
}

function readPeers(output: string): z.infer<typeof PeerResults> {
  const line = output.trim().split("\n").at(-1) ?? "";
  try {
    return PeerResults.parse(JSON.parse(line));
  } catch (cause) {
    const wanted = "a JSON list of {form, loadS, timesS, peakBytes}";
    throw new Error(`--peers: the last line of its output is no ${wanted}: ${line.slice(0, 200)}`, { cause });
  }
}
