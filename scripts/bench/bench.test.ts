import { dirname } from "node:path";
import type { Tensors } from "@armature/runtime";
import { expect, test } from "vitest";
import { fixturePath, relativeError } from "../../testing/golden.js";
import { EMBEDDED_MODELS } from "../../testing/model-folders.js";
import { type BenchModel, type Case, listCases, measurementOf } from "./cases.js";
import { growthPoints, growthTable, toGrowthRow } from "./growth.js";
import { growthChart } from "./growth-chart.js";
import type { Measured } from "./measure.js";
import { embeddedComponents } from "./models.js";
import { BENCH_NETWORKS, NETWORK_NAMES } from "./networks.js";
import { measurePeers } from "./peers.js";
import { table, toRow } from "./report.js";
import { sd15Shapes } from "./sd15.js";
import type { Shapes } from "./synthetic-weights.js";
import { openWorkload } from "./workloads.js";

const EMBEDDED_COMPONENTS = embeddedComponents(EMBEDDED_MODELS);

const MODEL: BenchModel = {
  name: "small",
  components: EMBEDDED_COMPONENTS,
  forms: ["in place", "int8"],
  size: 128,
};
const OPTIONS = { cache: "cache", threads: 2, repeats: 3, tokenDownsampling: 1 };

const measured = (...timesS: number[]): Measured => ({ loadS: 1, timesS, peakBytes: 2e9, privateBytes: 1e9 });

test("synthetic weights have the numbers of parameters of Stable Diffusion 1.5, and convolutions where it has them", () => {
  const { unet, controlnet, vae, text_encoder: textEncoder } = sd15Shapes();
  expect([unet, controlnet, vae, textEncoder].map(parameters)).toEqual([
    859_520_964, 361_279_120, 83_653_863, 123_060_480,
  ]);
  expect(unet["down_blocks.0.attentions.0.proj_in.weight"]).toEqual([320, 320, 1, 1]);
  expect(controlnet["mid_block.attentions.0.proj_out.weight"]).toEqual([1280, 1280, 1, 1]);
  expect(unet["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"]).toEqual([320, 320]);
});

function parameters(shapes: Shapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

const EVERY_KIND: BenchModel = {
  ...MODEL,
  components: { ...EMBEDDED_COMPONENTS, depth_anything: fixturePath("models/depth-anything-random") },
  size: 64,
};

test("every network of both services can be timed by its name, at the sizes of a request's calls", async () => {
  const names = [...NETWORK_NAMES.keys()];
  expect(names).toHaveLength(Object.values(BENCH_NETWORKS).flat().length);
  const cases = listCases([{ ...EVERY_KIND, forms: ["in place"] }], names.join(), OPTIONS);
  expect(cases.map(({ measurement: { workload } }) => workload)).toEqual(names);
  for (const { measurement } of cases) await (await openWorkload(measurement))();
  const sizes = Object.fromEntries(cases.map(({ measurement: m }) => [m.workload, m.networks[0]!.sizes]));
  expect(sizes).toMatchObject({
    unet: { B: 2, H: 8, W: 8, S: 77, T: 16 },
    "shallow UNet": { B: 2, H: 8, W: 8, T: 16 },
    "controlnet prompt projections": { B: 2, S: 77 },
    "VAE encoder": { B: 1, H: 8, W: 8 },
    DPT: { B: 1, H: 8, W: 8 },
    DepthAnything: { B: 1, H: 18, W: 18 },
  });
});

test("networks are asked for in any letters, those that share a name together, and what is not there is named", () => {
  const workloads = (only: string | undefined, model = MODEL) =>
    listCases([{ ...model, forms: ["in place"] }], only, OPTIONS).map(({ measurement: { workload } }) => workload);
  expect(workloads("UNet,vae encoder,step")).toEqual(["unet", "VAE encoder", "step"]);
  expect(workloads("prompt projections")).toEqual(["unet prompt projections", "controlnet prompt projections"]);
  expect(workloads(undefined)).toEqual(["step", "step+controlnet", "vae decode", "text encoder", "depth"]);
  expect(() => workloads("unets")).toThrow(/--only: there is no unets; there are step, .*VAE encoder/);
  expect(() => workloads("DepthAnything")).toThrow("--components depth_anything=FOLDER");
  expect(workloads("depthanything", EVERY_KIND)).toEqual(["DepthAnything"]);
});

test("8 bits are a form of those workloads alone that call a network which has them", () => {
  const cases = listCases([MODEL], "step,shallow unet,vae decode,text encoder", OPTIONS);
  const int8 = cases.filter(({ measurement: { form } }) => form === "int8");
  expect(int8.map(({ measurement: { workload } }) => workload)).toEqual(["step", "shallow UNet"]);
});

test("in a step the UNet takes what the ControlNets gave, and each of them what those before it gave", async () => {
  const noiseWith = async (controlnets: number) => {
    const measurement = measurementOf({ ...MODEL, size: 64 }, "step", "in place", OPTIONS, { controlnets });
    const { noise } = (await (await openWorkload(measurement))()) as Tensors;
    return noise!.data as Float32Array;
  };
  const [none, one, two] = [await noiseWith(0), await noiseWith(1), await noiseWith(2)];
  expect(relativeError(one, none)).toBeGreaterThan(1e-3);
  expect(relativeError(two, one)).toBeGreaterThan(1e-3);
});

test("a peer gets the workload as options behind its own, and its last line is read", () => {
  const [{ measurement }] = listCases([MODEL], "depth", OPTIONS) as [Case];
  const { unet, controlnet, depth } = EMBEDDED_COMPONENTS;
  const echo = `node -e 'console.log("warming up"); console.log(JSON.stringify([
    {form: process.argv.slice(1).join(" "), loadS: 1, timesS: [2, 3], peakBytes: 4}]))' -- own`;
  const [{ form, timesS } = { form: "", timesS: [] }] = measurePeers(echo, measurement);
  expect(form).toBe(
    `own --part depth --model ${dirname(unet!)} --controlnet ${controlnet} --depth ${depth} --size 128 --batch 2 --threads 2 --repeats 3`,
  );
  expect(timesS).toEqual([2, 3]);
  expect(measurePeers("echo '[]' #", measurement)).toEqual([]);
  expect(() => measurePeers("echo done #", measurement)).toThrow(/--peers: the last line .* done/);
});

test("a ratio compares within a round, so that a slow round does not count", () => {
  const step = { model: "small", workload: "step", peer: false } as const;
  const rows = [
    toRow({ ...step, form: "prepared" }, [measured(1, 1), measured(30), measured(1)]),
    toRow({ ...step, form: "plain" }, [measured(2), measured(60), measured(4)]),
    toRow({ ...step, form: "PyTorch", peer: true }, [measured(4), measured(120), measured(2)]),
  ];
  const [prepared] = table(rows).split("\n").slice(2);
  expect(prepared).toBe("| small | step | prepared | 1.00 s | 1.00 s | 1.00 s | 0.50 | 0.25 | 2.00 GB | 1.00 GB |");
  const [plain] = table(rows.slice(1, 2)).split("\n").slice(2);
  expect(plain).toBe("| small | step | plain | 1.00 s | 4.00 s | 2.00 s | 1.00 | 2.00 GB | 1.00 GB |");
});

test("growth goes along one axis at a time", () => {
  const points = growthPoints(MODEL, "in place", OPTIONS);
  for (const { axis, value, measurement } of points) {
    const { networks, controlnets, threads, steps } = measurement;
    const { B, H, W } = networks.find(({ network }) => network === "unet")!.sizes;
    expect([H, W]).toEqual(axis === "pixels a side" ? [value / 8, value / 8] : [16, 16]);
    expect(B).toBe(axis === "pictures" ? 2 * value : 2);
    expect(networks.some(({ network }) => network === "controlnet")).toBe(controlnets > 0);
    expect(controlnets).toBe(axis === "ControlNets" ? value : 0);
    expect(threads).toBe(axis === "threads" ? value : 2);
    expect(steps).toBe(axis === "steps" ? value : 1);
  }
});

test("growth is told against the first point and against proportion, and drawn", () => {
  const points = growthPoints(MODEL, "in place", OPTIONS).filter(({ axis }) => axis === "pixels a side");
  const rows = points.slice(0, 3).map((point, i) => toGrowthRow(point, [measured([1, 3, 4][i]!)]));
  expect(growthTable(rows).split("\n").slice(2)).toEqual([
    "| small | pixels a side | 256 | 1.00 s | 1.00 | 1.00 | 2.00 GB |",
    "| small | pixels a side | 384 | 3.00 s | 3.00 | 1.33 | 2.00 GB |",
    "| small | pixels a side | 512 | 4.00 s | 4.00 | 1.00 | 2.00 GB |",
  ]);
  const drawn = growthChart(rows, "<small>");
  expect(drawn.match(/<circle/g)).toHaveLength(3);
  expect(drawn).toContain("&lt;small>");
});
