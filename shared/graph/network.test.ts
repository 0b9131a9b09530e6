/** What is derived from a network's definition. */
import { noWeights, type WeightPlace, type WeightView } from "@armature/weights";
import { expect, test } from "vitest";
import { product } from "./dim.js";
import { requireKnownWeights } from "./known-weights.js";
import { conv2d } from "./layers/conv.js";
import { toNchw } from "./layers/feature-map.js";
import { defineNetwork } from "./network.js";
import { handedTensor, optionalMap, pictureMap, picturePort, tensorPort } from "./ports.js";
import { CPU_PROFILE, type DeviceProfile, NCHW_FLOAT16_PROFILE } from "./profile.js";

const small = defineNetwork({
  name: "small",
  read: () => ({ channels: 4 }),
  inputs: ({ channels }) => ({
    image: picturePort(["B", 3, product(8, "H"), product(8, "W")]),
    steps: tensorPort("float32", [1]),
    prompt: { "attn.key": handedTensor(["B", "S", 16]), "attn.value": handedTensor(["B", "S", 16]) },
    hint: pictureMap([channels, "H", "W"]),
    residual: optionalMap(channels),
  }),
  outputs: "caller",
  *write(g, { image, residual }, { channels }) {
    const h = optionalMap(channels).addTo(conv2d(g.at("conv"), image, channels), residual);
    yield ["first", toNchw(h)];
    yield ["second", optionalMap(channels).give(h)];
  },
  ignore: [/position_ids$/],
});
const network = small.configured({ channels: 4 });

const place = (shape: number[]): WeightPlace => ({ file: "w", dtype: "F32", shape, offset: 0, length: 0 });
const view = (tensors: Record<string, number[]>): WeightView => ({
  ...noWeights("w"),
  tensors: new Map(Object.entries(tensors).map(([key, shape]) => [key, place(shape)])),
});
const WEIGHTS = { "conv.weight": [4, 3, 3, 3], "conv.bias": [4] };

const fed = (shapes: Record<string, number[]>) =>
  Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, { dims }]));

test("the sizes of a call follow from the shapes that its inputs declare", () => {
  const sizes = network.sizesOf(fed({ image: [2, 3, 64, 96], steps: [1], "attn.key": [2, 77, 16], hint: [1, 1, 4] }));
  expect(sizes).toEqual({ B: 2, H: 8, W: 12, S: 77 });
  expect(network.sizesOf(fed({ image: [1, 3, 8, 8] }))).toEqual({ B: 1, H: 1, W: 1 });
});

test("two inputs that contradict each other are an error that names the one", () => {
  expect(() => network.sizesOf(fed({ image: [2, 3, 64, 64], "attn.key": [1, 77, 16] }))).toThrow(
    "small: attn.key [1,77,16] was expected to be [B,S,16], where B is 2",
  );
});

test("of a plan's sizes a network takes those that it has, and misses others by name", () => {
  expect(network.ownSizes({ B: 2, H: 8, W: 8, S: 77, T: 4096 })).toEqual({ B: 2, H: 8, W: 8, S: 77 });
  expect(() => network.ownSizes({ B: 2, H: 8, W: 8 })).toThrow("small: no size was given for S");
});

test("inputs are declared in the order of the definition, outputs in the order in which they come", () => {
  const { inputs, outputs, weightKeys } = network.trace(view(WEIGHTS), CPU_PROFILE);
  expect(inputs.map(({ name }) => name)).toEqual(network.inputNames);
  expect(outputs.map(({ name }) => name)).toEqual(["first", "second"]);
  expect([...weightKeys]).toEqual(["conv.weight", "conv.bias"]);
});

test("inputs are declared without weights as the graph declares them, and with sizes as numbers", () => {
  const { inputs } = network.trace(view(WEIGHTS), CPU_PROFILE);
  expect(network.declaredInputs(CPU_PROFILE)).toEqual(inputs);
  const sized = network.declaredInputs({ ...NCHW_FLOAT16_PROFILE, sizes: { B: 2, H: 8, W: 12, S: 77 } });
  expect(sized.slice(0, 3)).toEqual([
    { name: "image", dtype: "float32", shape: [2, 3, 64, 96] },
    { name: "steps", dtype: "float32", shape: [1] },
    { name: "attn.key", dtype: "float16", shape: [2, 77, 16] },
  ]);
  expect(sized[4]).toEqual({ name: "hint", dtype: "float16", shape: ["hint_batch?", 4, 8, 12] });
});

test("a network's typical side is that of latents of 512x512 pixels, unless it says so", () => {
  expect(network.typicalSide).toBe(64);
  const facts = { name: "own", read: () => 24, inputs: () => ({}), outputs: "caller" as const, write: () => ({}) };
  expect(defineNetwork({ ...facts, typicalSide: (grid: number) => grid }).configured(24).typicalSide).toBe(24);
});

test.each<[DeviceProfile, object, unknown[], unknown[]]>([
  [CPU_PROFILE, { dtype: "float32", shape: [1, 4] }, ["hint_batch?", "H*W", 4], ["residual_rows?", 4]],
  [
    NCHW_FLOAT16_PROFILE,
    { dtype: "float16", shape: [1, 4, 1, 1] },
    ["hint_batch?", 4, "H", "W"],
    ["residual_batch?", 4, "residual_height?", "residual_width?"],
  ],
])(
  "what other networks give lies as the device wants it, and so does what stands for it (%o)",
  (profile, zero, hint, residual) => {
    const { inputs } = network.trace(view(WEIGHTS), profile);
    const shapeOf = (name: string) => inputs.find((input) => input.name === name)!.shape;
    expect([shapeOf("hint"), shapeOf("residual")]).toEqual([hint, residual]);
    expect(network.neutral(profile)).toEqual({ residual: zero });
  },
);

test("tensors that official loaders leave unused are told, others refused, missing ones named", () => {
  const notes: string[] = [];
  const check = (weights: Record<string, number[]>) =>
    requireKnownWeights(view(weights), [{ network }], (line) => notes.push(line));
  check(WEIGHTS);
  expect(notes).toEqual([]);
  check({ ...WEIGHTS, "embeddings.position_ids": [1] });
  expect(notes).toEqual(["w: 1 tensors stay unused, as in official loaders: embeddings.position_ids"]);
  expect(() => check({ ...WEIGHTS, "other.weight": [1] })).toThrow("w: 1 tensors that small do not know: other.weight");
  expect(() => network.trace(view({ "conv.weight": [4, 3, 3, 3] }), CPU_PROFILE)).toThrow(
    "w: conv.bias is missing; the graph wants [4]",
  );
});
