/** What an evaluator does with tensors in a device's memory, which nothing frees but itself. */

import type { Tensors } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { residualNames } from "../networks/ports/control-residuals.js";
import type { ControlNet, ShallowUNet, UNet } from "./components.js";
import type { ControlUnit } from "./control.js";
import { planEvaluations } from "./evaluation-plan.js";
import { Evaluator } from "./evaluator.js";
import type { Pass } from "./passes.js";

const config = {
  levels: [{ channels: 4, transformerLayers: 0, heads: 1 }],
  layersPerLevel: 1,
  upAttends: [true],
} as unknown as UNet["config"];

/** A device that knows which of its tensors are alive. */
function device() {
  const alive = new Set<Tensor>();
  let made = 0;
  const tensor = () => {
    const one = {
      location: "gpu-buffer",
      dispose: () => expect(alive.delete(one as Tensor)).toBe(true),
    } as unknown as Tensor;
    made++;
    alive.add(one);
    return one;
  };
  const requireAlive = (feeds: Tensors) => {
    for (const one of Object.values(feeds)) if (one.location === "gpu-buffer") expect(alive.has(one)).toBe(true);
  };
  return { alive, tensor, requireAlive, made: () => made };
}

function networks({ tensor, requireAlive }: ReturnType<typeof device>, failAt = Number.POSITIVE_INFINITY) {
  let calls = 0;
  const session = (outputs: (fetches: readonly string[] | undefined, feeds: Tensors) => Tensors) => ({
    async run(feeds: Tensors, fetches?: readonly string[]) {
      requireAlive(feeds);
      if (calls++ === failAt) throw new Error("the device is gone");
      return outputs(fetches, feeds);
    },
    release: async () => {},
  });
  const noise = () => new Tensor("float32", [calls], [1]);
  const projections = (layer: string) => session(() => ({ [`${layer}.key`]: tensor(), [`${layer}.value`]: tensor() }));
  const unet: UNet = {
    config,
    projections: projections("up_blocks.0.attentions.1.transformer_blocks.0.attn2"),
    session: session(
      (fetches): Tensors => (fetches?.includes("deep") ? { noise: noise(), deep: tensor() } : { noise: noise() }),
    ),
  };
  const shallowFeeds: Tensors[] = [];
  const shallow: ShallowUNet = {
    session: session((_, feeds) => {
      shallowFeeds.push(feeds);
      return { noise: noise() };
    }),
  };
  const residuals = () => Object.fromEntries(residualNames(config).map((name) => [name, tensor()]));
  const net = {
    config,
    session: session(residuals),
    projections: projections("mid_block.attn2"),
  } as unknown as ControlNet;
  return { unet, shallow, net, shallowFeeds, calls: () => calls };
}

const one = new Tensor("float32", [0], [1]);
const step = { sample: one, timestep: one, attended_tokens: one };

async function run({ unet, shallow, net }: ReturnType<typeof networks>): Promise<void> {
  const unit = (start: number, end: number) => ({ net, start, end, conditioningScale: 1, hint: one }) as ControlUnit;
  const controls = [unit(0, 1), unit(0.2, 0.7)];
  const passes: Pass[] = [controls, controls.slice(1)].map((own) => ({
    texts: 1,
    context: one,
    controls: own,
  }));
  const evaluator = new Evaluator(unet, shallow);
  try {
    for (const planned of planEvaluations({ total: 12, guidance: undefined, controls, cacheInterval: 3 })) {
      for (const pass of passes) await evaluator.noise(pass, step, planned);
    }
  } finally {
    evaluator.release();
  }
}

test("every tensor of the device is freed once, and none is used afterwards", async () => {
  const gpu = device();
  await run(networks(gpu));
  expect(gpu.made()).toBeGreaterThan(20);
  expect(gpu.alive.size).toBe(0);
});

test("shallow evaluations get the deep features and the ControlNets' first residual, while those act", async () => {
  const gpu = device();
  const made = networks(gpu);
  await run(made);
  for (const { deep } of made.shallowFeeds) expect(deep?.location).toBe("gpu-buffer");
  const controlled = made.shallowFeeds.map(({ down_residual_0: residual }) => residual?.location === "gpu-buffer");
  // two passes: the first has a control that acts throughout, the second one that acts in evaluations 3 to 7
  expect(controlled.filter((_, i) => i % 2 === 0)).toEqual(Array(7).fill(true));
  expect(controlled.filter((_, i) => i % 2 === 1)).toEqual([false, false, true, true, true, false, false]);
});

test("a run that fails in any of its calls frees everything too", async () => {
  const whole = networks(device());
  await run(whole);
  for (let failAt = 0; failAt < whole.calls(); failAt++) {
    const gpu = device();
    await expect(run(networks(gpu, failAt))).rejects.toThrow("the device is gone");
    expect(gpu.alive.size, `failing in call ${failAt}`).toBe(0);
  }
});
