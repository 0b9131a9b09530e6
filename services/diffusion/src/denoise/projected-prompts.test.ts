/** Keys and values of the prompt: computed once for each pass of a request, and freed with it. */
import { Cancelled } from "@armature/core";
import { CPU_PROFILE } from "@armature/graph";
import type { Session } from "@armature/runtime";
import type { Tensor } from "onnxruntime-node";
import { afterEach, expect, test, vi } from "vitest";
import { draw, embeddedControl, openEmbedded } from "../../../../testing/embedded-pipeline.js";
import { generate } from "../pipelines/generate.js";
import type { Prompted, UNet } from "./components.js";
import { seededNoise } from "./noise.js";

const opening = openEmbedded({ profile: CPU_PROFILE, threads: 2 });

afterEach(() => vi.restoreAllMocks());

/** The batches that a network's projections are called with, from now on. */
function watch({ projections }: Prompted): () => number[] {
  const run = vi.spyOn(projections, "run");
  return () => run.mock.calls.map(([{ context }]) => context!.dims[0]!);
}

test("every network computes them once, however many steps there are", async () => {
  const pipeline = await opening;
  const net = await pipeline.net("depth");
  const [unet, controlnet] = [watch(pipeline.model.unet), watch(net)];
  // the net acts twice, and keeps one prompt
  const controls = [await embeddedControl(pipeline, "depth"), await embeddedControl(pipeline, "depth", { start: 0.5 })];
  const cache = { cacheInterval: 2, shallow: pipeline.shallow };
  await draw(pipeline.model, pipeline.request({ controls, ...cache }));
  expect([unet(), controlnet()]).toEqual([[2], [2]]);
});

test("every pass has its own, and a pass that no step takes has none", async () => {
  const pipeline = await opening;
  const net = await pipeline.net("canny");
  const [unet, controlnet] = [watch(pipeline.model.unet), watch(net)];
  const guidanceInterval = { start: 0.4, end: 1 };
  await draw(pipeline.model, pipeline.request({ guidanceInterval }));
  expect(unet()).toEqual([1, 2]);
  const controls = [await embeddedControl(pipeline, "canny", { guessMode: true })];
  await draw(pipeline.model, pipeline.request({ controls }));
  // the halves of the guidance apart; the net sees the conditional one alone
  expect(unet()).toEqual([1, 2, 1, 1]);
  expect(controlnet()).toEqual([1]);
});

/** A UNet whose projections stay on a device, and what of them is alive. */
function unetOnDevice(unet: UNet) {
  const alive = new Set<Tensor>();
  const tensor = () => {
    const one = { location: "gpu-buffer", dispose: () => expect(alive.delete(one)).toBe(true) } as unknown as Tensor;
    alive.add(one);
    return one;
  };
  const session = (run: Session["run"]): Session => ({ run, release: async () => {} });
  const projections = session(async () => ({ "mid_block.attn2.key": tensor(), "mid_block.attn2.value": tensor() }));
  return { alive, unet: { ...unet, projections, session: session(async ({ sample }) => ({ noise: sample! })) } };
}

test("a job frees them at its end, and when it is cancelled in the middle", async () => {
  const { model, request } = await opening;
  const { alive, unet } = unetOnDevice(model.unet);
  const run = (checkpoint: () => Promise<void>) =>
    generate({ ...model, unet }, request({}), seededNoise([1]), { now: () => 0, checkpoint });
  const seen: number[] = [];
  await run(async () => void seen.push(alive.size));
  expect(seen).toEqual([0, ...Array(9).fill(2), 0]); // before each step, and before the picture is decoded

  const cancelled = run(async () => {
    if (alive.size > 0) throw new Cancelled();
  });
  await expect(cancelled).rejects.toThrow(Cancelled);
  expect(alive.size).toBe(0);
});
