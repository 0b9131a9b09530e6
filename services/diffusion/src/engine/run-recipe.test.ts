/** How the stages of a recipe follow each other, on the embedded models. */
import { Cancelled } from "@armature/core";
import { CPU_PROFILE } from "@armature/graph";
import type { Session } from "@armature/runtime";
import type { Tensor } from "onnxruntime-node";
import { afterEach, expect, test, vi } from "vitest";
import { embeddedControl, MODEL, openEmbedded } from "../../../../testing/embedded-pipeline.js";
import type { NetworkUse } from "../facts/network-use.js";
import { conditioningEmbeddingNetwork, controlnetNetwork } from "../networks/controlnet.js";
import { unetNetwork } from "../networks/unet.js";
import type { Recipe } from "../stages/recipe.js";

const { bench, draw } = openEmbedded({ profile: CPU_PROFILE, threads: 2 });
/** Id of the ControlNet. */
const depth = "controlnet-depth";

afterEach(() => vi.restoreAllMocks());

const namesOf = (uses: readonly NetworkUse[]) => [...new Set(uses.map(({ network }) => network))];

test("a stage's networks are loaded before it begins, with those of later stages known", async () => {
  const log: unknown[] = [];
  await draw(
    { numInferenceSteps: 2, controls: [embeddedControl("depth")] },
    {
      onLoad: (uses, later) => void log.push([namesOf(uses), namesOf(later).length]),
      onStage: () => void log.push("begins"),
      onStep: ({ done, total }) => void log.push(`${done}/${total}`),
    },
  );
  const denoising = ["prompt projections", "unet", "conditioning embedding", "controlnet"];
  expect(log).toEqual([
    ...[[["text encoder"], 5], "begins"],
    ...[[["conditioning embedding"], 5], "begins"],
    ...[[denoising, 1], "begins", "1/2", "2/2"],
    ...[[["VAE decoder"], 0], "begins"],
  ]);
});

/** Has ControlNets and their hints compute nothing, and hints lie on a device → how many are alive. */
async function hintsOnDevice(): Promise<() => number> {
  const alive = new Set<object>();
  const replace = async (network: { name: string }, run: Session["run"]) =>
    vi.spyOn(await bench.session(depth, network), "run").mockImplementation(run);
  await replace(conditioningEmbeddingNetwork, async () => {
    const hint = { location: "gpu-buffer", dispose: () => expect(alive.delete(hint)).toBe(true) };
    alive.add(hint);
    return { hint: hint as unknown as Tensor };
  });
  await replace(controlnetNetwork, async () => ({}));
  return () => alive.size;
}

test("hints are freed when the recipe ends, and when it is cancelled amid its steps", async () => {
  const alive = await hintsOnDevice();
  const request = {
    numInferenceSteps: 2,
    controls: [embeddedControl("depth"), embeddedControl("depth", { end: 0.5 })],
  };
  const seen: number[] = [];
  await draw(request, { onStep: () => void seen.push(alive()) });
  expect([...seen, alive()]).toEqual([2, 2, 0]);
  const onStep = () => {
    throw new Cancelled();
  };
  await expect(draw(request, { onStep })).rejects.toThrow(Cancelled);
  expect(alive()).toBe(0);
});

test("a stage that misses what an earlier one makes says what", async () => {
  const recipe: Recipe = [{ stage: "decode", model: MODEL, size: { width: 64, height: 64 }, images: 1 }];
  await expect(bench.runRecipe(recipe)).rejects.toThrow("No stage of the recipe before this one makes latents");
});

test("a job that was cancelled while a stage's networks were loaded goes no further", async () => {
  const begun = vi.fn();
  const checkpoint = async () => {
    if (begun.mock.calls.length > 0) throw new Cancelled();
  };
  await expect(draw({}, { checkpoint, onStage: begun })).rejects.toThrow(Cancelled);
  expect(begun).toHaveBeenCalledTimes(1);
});

test("the outcome names the networks that a prepared form computed, each once", async () => {
  expect((await draw({ numInferenceSteps: 1 })).preparedNetworks).toEqual([]);
  const sessions = [await bench.session(MODEL, unetNetwork), await bench.session(depth, controlnetNetwork)];
  for (const session of sessions) Object.assign(session, { prepared: true });
  const controls = [embeddedControl("depth"), embeddedControl("depth")];
  const { preparedNetworks } = await draw({ numInferenceSteps: 1, controls });
  expect(preparedNetworks).toEqual(["tiny-sd unet", "controlnet-depth controlnet"]);
});
