/** What 8 bits do to the embedded model's pictures. */
import { fileURLToPath } from "node:url";
import { CPU_INT8_PROFILE, CPU_PROFILE, type DeviceProfile } from "@armature/graph";
import { expect, test } from "vitest";
import { generate } from "../pipeline/generate.js";
import { seededNoise } from "../pipeline/noise.js";
import { readCatalogue } from "./catalogue.js";
import { loadableModel } from "./loadables.js";

const MODELS = fileURLToPath(new URL("../../../../models", import.meta.url));

/** Decibels to the exact picture: 28 to 40 were measured (docs/performance.md). */
const INT8_PSNR = 26;

const PROMPTS = ["a red cube", "a blue cylinder and a red sphere", "a green cone"];

async function pictures(unetProfile: DeviceProfile): Promise<Uint8Array[]> {
  const entry = readCatalogue({ modelsDir: MODELS, models: ["tiny-sd"], controlnets: [] }).models[0]!;
  const loadable = loadableModel(entry, { profile: CPU_PROFILE, unetProfile, threads: 2 });
  const model = await loadable.load();
  const made: Uint8Array[] = [];
  for (const [i, prompt] of PROMPTS.entries()) {
    const request = {
      ...{ prompt, negativePrompt: "", width: 128, height: 128, count: 1, numInferenceSteps: 20, guidanceScale: 5 },
      ...{
        guidanceRescale: 0,
        guidanceInterval: { start: 0, end: 1 },
        cacheInterval: 1,
        shallow: undefined,
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
  await loadable.release(model);
  return made;
}

function psnr(a: Uint8Array, b: Uint8Array): number {
  const squares = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.length));
}

test("a UNet in 8 bits makes nearly the exact pictures", async () => {
  const exact = await pictures(CPU_PROFILE);
  const int8 = await pictures(CPU_INT8_PROFILE);
  for (const [i, picture] of exact.entries()) {
    expect(psnr(picture, int8[i]!), PROMPTS[i]).toBeGreaterThan(INT8_PSNR);
    expect(picture).not.toEqual(int8[i]); // it is another form
  }
}, 60_000);
