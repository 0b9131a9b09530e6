import type { WeightPlace, WeightView } from "@armature/weights";
import { expect, test } from "vitest";
import { GraphBuilder } from "./builder.js";
import { ceilDiv, floorDiv, product, sum } from "./dim.js";
import { conv2d } from "./layers/conv.js";
import { fromNchw, toNchw } from "./layers/feature-map.js";
import { addValues, convolvedSize, reshape } from "./ops.js";
import { CPU_PROFILE, NCHW_PROFILE } from "./profile.js";
import { Scope } from "./scope.js";

function header(shapes: Record<string, number[]>, dtype: WeightPlace["dtype"] = "F16"): WeightView {
  let offset = 100;
  const tensors = new Map<string, WeightPlace>();
  for (const [name, shape] of Object.entries(shapes)) {
    const length = 2 * shape.reduce((elements, size) => elements * size, 1);
    tensors.set(name, { file: "weights.safetensors", dtype, shape, offset, length });
    offset += length;
  }
  return { name: "weights.safetensors", folder: ".", tensors };
}

const CONV = { "conv.weight": [8, 4, 3, 3], "conv.bias": [8] };

function convModel(weights: WeightView, profile = CPU_PROFILE): Uint8Array {
  const graph = new GraphBuilder(profile, weights);
  const x = fromNchw(graph.input("x", "float32", ["B", 4, "H", "W"]));
  graph.output("y", toNchw(conv2d(new Scope(graph).at("conv"), x, 8)));
  return graph.build("test");
}

test("a missing tensor is named with its file and the shape wanted", () => {
  expect(() => convModel(header({ "conv.weight": [8, 4, 3, 3] }))).toThrow(
    "weights.safetensors: conv.bias is missing; the graph wants [8]",
  );
});

test("a misshapen tensor is named with both shapes", () => {
  expect(() => convModel(header({ ...CONV, "conv.weight": [8, 5, 3, 3] }))).toThrow(
    "weights.safetensors: conv.weight: the graph wants [8, 4, 3, 3], the file holds [8, 5, 3, 3]",
  );
});

test("a tensor is used once", () => {
  const graph = new GraphBuilder(CPU_PROFILE, header(CONV));
  graph.weight("conv.bias", [8]);
  expect(() => graph.weight("conv.bias", [8])).toThrow("conv.bias is used twice");
});

test("a tensor that holds whole numbers is no weight", () => {
  expect(() => convModel(header(CONV, "I64"))).toThrow("conv.weight holds I64; F32, F16 or BF16 was expected");
});

test("optional inputs at the end that are left out are not written, those before them by an empty name", () => {
  const graph = new GraphBuilder(NCHW_PROFILE, header({}));
  const x = graph.input("x", "float32", [1, 4]);
  graph.node("Test", [x, undefined, undefined], "float32", [1]);
  graph.node("Test", [undefined, x, undefined], "float32", [1]);
  const { nodes } = graph.trace("test");
  expect(nodes.map(({ inputs }) => inputs)).toEqual([["x"], ["", "x"]]);
});

test("the same weights give the same bytes, another profile others", () => {
  expect(convModel(header(CONV))).toEqual(convModel(header(CONV)));
  expect(convModel(header(CONV), NCHW_PROFILE)).not.toEqual(convModel(header(CONV)));
});

test("operators refuse shapes that do not fit, where they are built", () => {
  const graph = new GraphBuilder(CPU_PROFILE, header({}));
  const a = graph.input("a", "float32", ["B", 4]);
  const b = graph.input("b", "float32", ["B", 5]);
  expect(() => addValues(a, b)).toThrow("[B, 4] and [B, 5] cannot be broadcast");
  expect(() => reshape(a, ["B", 5])).toThrow("does not hold as many elements");
  expect(() => reshape(a, [3, -1])).toThrow("does not divide");
  expect(reshape(a, [2, -1]).shape).toEqual([2, "2*B"]);
});

test("sizes are equal exactly if they are written equally", () => {
  expect(product("W", 2, "B", 3)).toBe("6*B*W");
  expect(product(2, 3)).toBe(6);
  expect(ceilDiv("8*H", 2)).toBe("4*H");
  expect(ceilDiv("H", 2)).toBe("ceil(H/2)");
  expect(floorDiv(7, 2)).toBe(3);
  expect(sum("H", 3, 4)).toBe("sum(H+7)");
  expect(convolvedSize("H", 3, 1, 2)).toBe("H");
  expect(convolvedSize("H", 3, 2, 2)).toBe("ceil(H/2)");
  expect(convolvedSize(13, 3, 2, 2)).toBe(7);
  expect(convolvedSize(12, 3, 2, 1)).toBe(6); // the VAE's: padded below and to the right only
});
