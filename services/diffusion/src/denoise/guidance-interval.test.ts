/** Guidance in a part of the steps: arXiv:2404.07724. */
import { CPU_PROFILE, NCHW_PROFILE } from "@armature/graph";
import { afterEach, describe, expect, test, vi } from "vitest";
import { embeddedControl, MODEL, openEmbedded } from "../../../../testing/embedded-pipeline.js";
import { relativeError } from "../../../../testing/golden.js";
import { controlnetNetwork } from "../networks/controlnet.js";
import { unetNetwork } from "../networks/unet.js";

const pipelines = new Map(
  [CPU_PROFILE, NCHW_PROFILE].map((profile) => [profile.name, openEmbedded({ profile, threads: 2 })]),
);

afterEach(() => vi.restoreAllMocks());

const FIRST_HALF = { start: 0, end: 0.5 };
const SECOND_HALF = { start: 0.5, end: 1 };

/** Largest difference of two batch sizes' arithmetic, as a share of the largest latent. */
const BATCH_TOLERANCE = 1e-5;

describe.each([...pipelines])("in the %s profile", (_, { draw, watchBatches }) => {
  test("steps outside the interval run the networks on the text alone", async () => {
    const unet = await watchBatches(MODEL, unetNetwork);
    const net = await watchBatches("controlnet-depth", controlnetNetwork);
    await draw({ guidanceInterval: { start: 0.2, end: 0.6 }, controls: [embeddedControl("depth")] });
    expect(unet()).toEqual([1, 1, 2, 2, 2, 2, 1, 1, 1, 1]);
    expect(net()).toEqual(unet());
  });

  test.each(["euler", "euler_a", "ddim", "dpm++ 2m", "unipc", "pndm", "plms", "lcm"])(
    "with %s the steps outside are those without guidance, those inside those with it",
    async (scheduler) => {
      const run = async (change: object) => (await draw({ scheduler, ...change })).latents;
      const guided = await run({});
      const plain = await run({ guidanceScale: 1 });
      const half = Math.floor((guided.length - 1) / 2);
      const later = await run({ guidanceInterval: SECOND_HALF });
      const sooner = await run({ guidanceInterval: FIRST_HALF });
      for (let step = 0; step <= half; step++) {
        expect(sooner[step]).toEqual(guided[step]);
        expect(later[step]).toEqual(plain[step]);
      }
      for (const [one, other] of [
        [later, plain],
        [later, guided],
        [sooner, guided],
        [sooner, plain],
      ] as const) {
        expect(relativeError(one.at(-1)!, other.at(-1)!)).toBeGreaterThan(0.01);
      }
    },
  );

  test("guess mode, a second ControlNet and rescaling go with it", async () => {
    const controls = [
      embeddedControl("canny", { guessMode: true, conditioningScale: 0.7 }),
      embeddedControl("depth", { end: 0.8 }),
    ];
    const run = async (change: object) => (await draw({ controls, guidanceRescale: 0.5, ...change })).latents;
    const [guided, plain] = [await run({}), await run({ guidanceScale: 1 })];
    const later = await run({ guidanceInterval: SECOND_HALF });
    const sooner = await run({ guidanceInterval: FIRST_HALF });
    expect(later[5]).toEqual(plain[5]);
    expect(sooner[5]).toEqual(guided[5]);
    expect(relativeError(later[6]!, plain[6]!)).toBeGreaterThan(BATCH_TOLERANCE);
    expect(relativeError(sooner[6]!, guided[6]!)).toBeGreaterThan(BATCH_TOLERANCE);
  });
});
