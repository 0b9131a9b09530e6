/** The requests of a soak: each kind in each size again and again, so that no session is opened after the first round. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SIZES = [
  { width: 64, height: 64 },
  { width: 96, height: 64 },
];
const CONTROLS = [[], ["depth"], ["depth", "canny"]];

/** Requests after which every session has been opened. */
export const ROUND = SIZES.length * CONTROLS.length;

/** Request `i`, from 0. */
export function soakRequest(i: number): Record<string, unknown> {
  const types = CONTROLS[i % CONTROLS.length]!;
  return {
    prompt: "an orange cone on a wooden floor at night",
    seed: i,
    num_inference_steps: 3,
    ...SIZES[Math.floor(i / CONTROLS.length) % SIZES.length],
    controlnets: types.map((type) => ({ type, image: example(type), preprocessor: "none" })),
  };
}

function example(type: string): string {
  const file = new URL(`../../../models/examples/green-cone-${type}.png`, import.meta.url);
  return readFileSync(fileURLToPath(file)).toString("base64");
}
