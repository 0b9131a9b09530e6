/** What 8 bits do to the embedded model's pictures. */
import { fileURLToPath } from "node:url";
import type { Precision } from "@armature/contract";
import { CPU_PROFILE } from "@armature/graph";
import { expect, test } from "vitest";
import { generate } from "../pipeline/generate.js";
import { seededNoise } from "../pipeline/noise.js";
import { readCatalogue } from "./catalogue.js";
import { openModel } from "./open-component.js";

const MODELS = fileURLToPath(new URL("../../../../models", import.meta.url));

/** Decibels to the exact picture: 28 to 40 were measured (docs/performance.md). */
const INT8_PSNR = 26;

const PROMPTS = ["a red cube", "a blue cylinder and a red sphere", "a green cone"];

async function pictures(precision: Precision): Promise<Uint8Array[]> {
  const entry = readCatalogue({ modelsDir: MODELS, models: ["tiny-sd"], controlnets: [] }).models[0]!;
  const { opened: model, release } = await openModel(entry, { profile: CPU_PROFILE, threads: 2 }, precision);
  const made: Uint8Array[] = [];
  for (const [i, prompt] of PROMPTS.entries()) {
    const request = {
      ...{ prompt, negativePrompt: "", width: 128, height: 128, count: 1, numInferenceSteps: 20, guidanceScale: 5 },
      ...{
        guidanceRescale: 0,
        guidanceInterval: { start: 0, end: 1 },
        deepCache: undefined,
        tokenDownsampling: 1,
        scheduler: entry.schedulerConfig,
        eta: 0,
        clipSkip: 0,
        controls: [],
      },
    };
    const events = { now: () => performance.now(), checkpoint: async () => {} };
    const { images } = await generate(model, request, seededNoise([i + 1]), events);
    made.push(images[0]!.data);
  }
  await release();
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
