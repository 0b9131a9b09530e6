/** Other programs' times on the same machine, measured by a script that the user names. */
import { execFileSync } from "node:child_process";
import { z } from "zod";
import type { Row } from "./report.js";

/** What the script prints as its last line: one object for each thing that it measured. */
const PeerResults = z.array(
  z.object({
    part: z.enum(["step", "step+controlnet", "text encoder", "vae decode"]),
    form: z.string(),
    loadS: z.number(),
    timesS: z.array(z.number()).min(1),
    peakBytes: z.number(),
  }),
);

export interface PeerOptions {
  python: string;
  script: string;
  /** Folders of the model and the ControlNet, in diffusers layout. */
  model: string;
  controlnet: string;
  threads: number;
  repeats: number;
}

/** Runs `python script --model M --controlnet C --threads T --repeats N`. Throws where it fails or answers otherwise. */
export function measurePeers({ python, script, ...options }: PeerOptions, modelName: string): Row[] {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const output = execFileSync(python, [script, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const results = PeerResults.parse(JSON.parse(output.trim().split("\n").at(-1)!));
  return results.map((result) => ({ model: modelName, privateBytes: Number.NaN, ...result }));
}
