/** What 8 bits do to the embedded model's pictures. */
import type { Precision } from "@armature/contract";
import { CPU_PROFILE } from "@armature/graph";
import { expect, test } from "vitest";
import { openEmbedded } from "../../../../testing/embedded-pipeline.js";

/** Decibels to the exact picture: 28 to 40 were measured (docs/performance.md). */
const INT8_PSNR = 26;

const PROMPTS = ["a red cube", "a blue cylinder and a red sphere", "a green cone"];

async function pictures(precision: Precision): Promise<Uint8Array[]> {
  const { bench, draw } = openEmbedded({ profile: CPU_PROFILE, threads: 2 });
  const made: Uint8Array[] = [];
  for (const [i, prompt] of PROMPTS.entries()) {
    const how = { numInferenceSteps: 20, guidanceScale: 5, scheduler: "PNDMScheduler", precision };
    const { image } = await draw({ prompt, negativePrompt: "", seeds: [i + 1], ...how });
    made.push(image.data);
  }
  await bench.release();
  return made;
}

function psnr(a: Uint8Array, b: Uint8Array): number {
  const squares = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.length));
}

test("a UNet in 8 bits makes nearly the exact pictures", async () => {
  const exact = await pictures("float32");
  const int8 = await pictures("int8");
  for (const [i, picture] of exact.entries()) {
    expect(psnr(picture, int8[i]!), PROMPTS[i]).toBeGreaterThan(INT8_PSNR);
    expect(picture).not.toEqual(int8[i]); // it is another form
  }
}, 60_000);
