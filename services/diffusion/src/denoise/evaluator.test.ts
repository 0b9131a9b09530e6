/** What an evaluator does with tensors in a device's memory, which nothing frees but itself. */
import type { Tensors } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import type { AdapterTools, AttachedAdapter } from "../adapters/adapter.js";
import { attachAdapter } from "../adapters/index.js";
import type { ServedFacts } from "../facts/served-facts.js";
import { controlnetNetwork } from "../networks/controlnet.js";
import { residualNames } from "../networks/ports/control-residuals.js";
import { planEvaluations } from "./evaluation-plan.js";
import type { ShallowUNet, UNet } from "./evaluator.js";
import { Evaluator } from "./evaluator.js";
import type { TextBatch } from "./text-batch.js";

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
  const [net, prompt] = [session(residuals), projections("mid_block.attn2")];
  const tools = {
    adapterConfig: () => config,
    session: (_: string, { name }: { name: string }) => (name === controlnetNetwork.name ? net : prompt),
  } as unknown as AdapterTools & ServedFacts;
  return { unet, shallow, tools, shallowFeeds, calls: () => calls };
}

type Tools = ReturnType<typeof networks>["tools"];

const controlNet = {
  ...{ kind: "controlnet" as const, type: "depth", component: "net", picture: "" },
  ...{ conditioningScale: 1, guessMode: false },
};
const attach = (tools: Tools, acting: { start: number; end: number; conditionalOnly: boolean }) =>
  attachAdapter({ ...controlNet, ...acting }, { hint: one }, tools);

const one = new Tensor("float32", [0], [1]);
const step = { sample: one, timestep: one, attended_tokens: one };

const ACTING = [
  { start: 0, end: 1, conditionalOnly: true },
  { start: 0.2, end: 0.7, conditionalOnly: false },
];

/** Twelve evaluations, of which one in three is whole, by two ControlNets and an adapter `also` that acts with the second. */
async function run({ unet, shallow, tools }: ReturnType<typeof networks>, also?: AttachedAdapter): Promise<void> {
  const nets = await Promise.all(ACTING.map((acting) => attach(tools, acting)));
  const adapters = also ? [...nets, also] : nets;
  const acting = also ? [...ACTING, ACTING[1]!] : ACTING;
  const batch = (): TextBatch => ({ texts: 1, first: 0, pictures: 1, context: new Tensor("float32", [0], [1]) });
  const batches: Record<string, TextBatch> = { prompt: batch(), negative: batch() };
  const evaluator = new Evaluator({ unet, shallow, adapters });
  const guided = { guidanceScale: 5, guidanceInterval: { start: 0, end: 1 }, cacheInterval: 3 };
  try {
    for (const { calls, whole, keep } of planEvaluations({ ...guided, adapters: acting }, 12)) {
      for (const { texts, adapters } of calls) await evaluator.noise(batches[texts]!, step, { adapters, whole, keep });
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
  // two passes: of the negative text with the control that acts in evaluations 3 to 7, of the prompt with one throughout, too
  expect(controlled.filter((_, i) => i % 2 === 0)).toEqual([false, false, true, true, true, false, false]);
  expect(controlled.filter((_, i) => i % 2 === 1)).toEqual(Array(7).fill(true));
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

test("what was prepared for an adapter is given in each call in which it acts, and freed by none", async () => {
  const gpu = device();
  const features = { down_residual_0: gpu.tensor(), features: gpu.tensor() };
  const made = networks(gpu);
  const seen: boolean[] = [];
  const steer: AttachedAdapter["steer"] = async ({ before }) => {
    seen.push("mid_residual" in before);
    return { ...before, ...features };
  };
  await run(made, { name: "features", prepared: features, steer });
  // whole evaluations 3, 6 and 8 hold it, of both texts; the first ControlNet steers the prompt alone, the second both
  expect(seen).toEqual(Array(seen.length).fill(true));
  expect(new Set(gpu.alive)).toEqual(new Set(Object.values(features)));
  const given = made.shallowFeeds.filter(({ down_residual_0: residual }) => residual === features.down_residual_0);
  expect(given.length).toBeGreaterThan(0);
});
