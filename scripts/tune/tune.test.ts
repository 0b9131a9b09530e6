import { noWeights } from "@armature/weights";
import { expect, test } from "vitest";
import { fullSizeConfigs } from "../bench/configs.js";
import { NETWORK_NAMES } from "../bench/networks.js";
import { nowhere } from "../bench/synthetic-weights.js";
import { type LayerShape, tunedLayers } from "./layers.js";
import { formModels, measureLayer } from "./measure-layer.js";
import { type TunedNetwork, tunedNetworks } from "./networks.js";
import { savedMs, tuneTable } from "./report.js";

const conv = (side: number, inputs: number, outputs: number, batch = 2): LayerShape => ({
  ...{ kind: "convolution", batch, height: side, width: side, inputs, outputs },
});

const attention = (queries: number, keys: number, width: number): LayerShape => ({
  ...{ kind: "attention", batch: 2, queries, keys, width, heads: 8 },
});

const fullSize = fullSizeConfigs();
const [unet, vae] = tunedNetworks(["unet", "vae decoder"], fullSize) as [TunedNetwork, TunedNetwork];
const layersAt = (pixels: number, { network, sizesAt } = unet) => tunedLayers(network, sizesAt(pixels));

test("the layers of Stable Diffusion 1.5 are found with their sizes, numbers and the tables' choice", () => {
  const layers = layersAt(512);
  expect(layers).toContainEqual({ shape: conv(64, 320, 320), count: 7, chosen: "winograd" });
  expect(layers).toContainEqual({ shape: conv(64, 4, 320), count: 1, chosen: "direct" });
  expect(layers).toContainEqual({ shape: conv(8, 1280, 1280), count: 11, chosen: "direct" });
  expect(layers).toContainEqual({ shape: attention(4096, 4096, 320), count: 5, chosen: "fused" });
  expect(layers).toContainEqual({ shape: attention(4096, 77, 320), count: 5, chosen: "onnx" });
  expect(layers.filter(({ shape }) => shape.kind === "attention").reduce((sum, { count }) => sum + count, 0)).toBe(32);
  expect(layersAt(512, vae)).toContainEqual({ shape: conv(512, 128, 128, 1), count: 5, chosen: "direct" });
});

test("every network of both services has its layers found at a picture's size, from its config alone", () => {
  for (const { name, network, sizesAt } of tunedNetworks([...NETWORK_NAMES.keys()], fullSize)) {
    const layers = tunedLayers(network, sizesAt(512));
    const without = ["unet prompt projections", "controlnet prompt projections"].includes(name);
    expect(layers.length > 0, name).toBe(!without);
  }
  const [encoder, depth] = tunedNetworks(["vae encoder", "DepthAnything"], fullSize) as [TunedNetwork, TunedNetwork];
  expect(encoder.sizesAt(512)).toEqual({ B: 1, H: 64, W: 64 });
  expect(depth.sizesAt(512)).toEqual({ B: 1, H: 37, W: 37 });
  expect(() => tunedNetworks(["DPT"], { unet: fullSize.unet! })).toThrow("no config of the kind depth");
});

test("another size changes the shapes, not the choice, because one graph serves all", () => {
  const layers = layersAt(256);
  expect(layers).toContainEqual({ shape: conv(16, 640, 640), count: 6, chosen: "winograd" });
  expect(layers).toContainEqual({ shape: attention(1024, 1024, 320), count: 5, chosen: "fused" });
});

test.each([conv(9, 8, 16), attention(64, 77, 32)])("the forms of %o are different graphs", (shape) => {
  const weights = { ...noWeights("shapes"), supply: (_key: string, wanted: readonly number[]) => nowhere(wanted) };
  const models = formModels(shape, weights).map(({ model }) => Buffer.from(model).toString("base64"));
  expect(new Set(models).size).toBe(shape.kind === "convolution" ? 2 : 3);
});

test("every form of a layer is timed", async () => {
  const options = { threads: 1, repeats: 1 };
  const convolution = await measureLayer(conv(9, 8, 16), options);
  expect(Object.keys(convolution)).toEqual(["direct", "winograd"]);
  const attended = await measureLayer(attention(64, 77, 32), options);
  expect(Object.keys(attended)).toEqual(["fused", "onnx", "unfused"]);
  for (const ms of [...Object.values(convolution), ...Object.values(attended)]) expect(ms).toBeGreaterThan(0);
});

test("the table says what another choice would save, but not within the measurement's own error", () => {
  const row = { network: "unet", size: 512, shape: conv(64, 320, 320), count: 7, chosen: "winograd" } as const;
  expect(savedMs({ ...row, times: { direct: 50, winograd: 60 } })).toBe(70);
  expect(savedMs({ ...row, times: { direct: 50, winograd: 51 } })).toBe(0);
  expect(savedMs({ ...row, times: { direct: 60, winograd: 50 } })).toBe(0);
  expect(tuneTable([{ ...row, times: { direct: 50, winograd: 60 } }]).split("\n")[2]).toBe(
    "| unet | 512 | 3x3, 320 to 320 at 2 x 64x64 | 7 | direct 50, winograd 60 | direct | winograd | 70 |",
  );
});
