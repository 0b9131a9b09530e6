/** What 8 bits do to the embedded model's pictures. */
import type { Precision } from "@armature/contract";
import { CPU_PROFILE } from "@armature/graph";
import { expect, test } from "vitest";
import { embeddedControl, openEmbedded } from "../../../../testing/embedded-pipeline.js";
import { expectSamePixels } from "../../../../testing/picture.js";

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

/** Each way in which pictures of a request could meet: in a call for both texts, for one, of a ControlNet, of the shallow UNet. */
const COMPANY = {
  ...{ numInferenceSteps: 4, guidanceScale: 5, cacheInterval: 2, guidanceInterval: { start: 0.25, end: 1 } },
  controls: [embeddedControl("depth"), embeddedControl("canny", { guessMode: true, end: 0.75 })],
};

test.each([
  ["with guidance", { numInferenceSteps: 4, guidanceScale: 5 }],
  ["with ControlNets, a window of guidance and shallow evaluations", COMPANY],
])(
  "a picture in 8 bits is the same alone and beside others, %s",
  async (_, how) => {
    const { bench, draw } = openEmbedded({ profile: CPU_PROFILE, threads: 2 });
    const seeds = [11, 12, 13];
    const together = await draw({ ...how, seeds, precision: "int8" });
    const alone = [];
    for (const seed of seeds) alone.push(await draw({ ...how, seeds: [seed], precision: "int8" }));
    await bench.release();
    for (const [i, { image }] of alone.entries()) expectSamePixels(image, together.images[i]!);
  },
  60_000,
);
