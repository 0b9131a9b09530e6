/** Keys and values of the prompt: computed once for each pass of a request, and freed with it. */
import { Cancelled } from "@armature/core";
import { CPU_PROFILE } from "@armature/graph";
import type { Session } from "@armature/runtime";
import type { Tensor } from "onnxruntime-node";
import { afterEach, expect, test, vi } from "vitest";
import { embeddedControl, MODEL, openEmbedded } from "../../../../testing/embedded-pipeline.js";
import { controlnetPromptNetwork, unetPromptNetwork } from "../networks/prompt-projections.js";
import { unetNetwork } from "../networks/unet.js";

const { bench, draw, watchBatches } = openEmbedded({ profile: CPU_PROFILE, threads: 2 });
const netOf = (type: string) => `controlnet-${type}`;

afterEach(() => vi.restoreAllMocks());

test("every network computes them once, however many steps there are", async () => {
  const unet = await watchBatches(MODEL, unetPromptNetwork);
  const controlnet = await watchBatches(netOf("depth"), controlnetPromptNetwork);
  // the net acts twice, and keeps one prompt
  const controls = [embeddedControl("depth"), embeddedControl("depth", { start: 0.5 })];
  await draw({ controls, cacheInterval: 2 });
  expect([unet(), controlnet()]).toEqual([[2], [2]]);
});

test("every pass has its own, and a pass that no step takes has none", async () => {
  const unet = await watchBatches(MODEL, unetPromptNetwork);
  const controlnet = await watchBatches(netOf("canny"), controlnetPromptNetwork);
  await draw({ guidanceInterval: { start: 0.4, end: 1 } });
  expect(unet()).toEqual([1, 2]);
  await draw({ controls: [embeddedControl("canny", { guessMode: true })] });
  // the halves of the guidance apart; the net sees the conditional one alone
  expect(unet()).toEqual([1, 2, 1, 1]);
  expect(controlnet()).toEqual([1]);
});

/** Has the UNet's projections stay on a device → what of them is alive. */
async function promptsOnDevice(): Promise<Set<Tensor>> {
  const alive = new Set<Tensor>();
  const tensor = () => {
    const one = { location: "gpu-buffer", dispose: () => expect(alive.delete(one)).toBe(true) } as unknown as Tensor;
    alive.add(one);
    return one;
  };
  const replace = async (network: { name: string }, run: Session["run"]) =>
    vi.spyOn(await bench.session(MODEL, network), "run").mockImplementation(run);
  await replace(unetPromptNetwork, async () => ({
    "mid_block.attn2.key": tensor(),
    "mid_block.attn2.value": tensor(),
  }));
  await replace(unetNetwork, async ({ sample }) => ({ noise: sample! }));
  return alive;
}

test("a job frees them at its end, and when it is cancelled in the middle", async () => {
  const alive = await promptsOnDevice();
  const seen: number[] = [];
  await draw({}, { checkpoint: async () => void seen.push(alive.size) });
  // before the stages that encode and denoise, before each step, and before the picture is decoded
  expect(seen).toEqual([0, 0, 0, ...Array(9).fill(2), 0]);

  const checkpoint = async () => {
    if (alive.size > 0) throw new Cancelled();
  };
  await expect(draw({}, { checkpoint })).rejects.toThrow(Cancelled);
  expect(alive.size).toBe(0);
});
