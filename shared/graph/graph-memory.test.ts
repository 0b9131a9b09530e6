import { noWeights, type WeightView } from "@armature/weights";
import { expect, test } from "vitest";
import { GraphBuilder } from "./builder.js";
import { type GraphMemory, type GraphMemoryOptions, graphMemory } from "./graph-memory.js";
import { addValues, concat, gemm, relu, reshape, slice } from "./ops.js";
import { type DeviceProfile, NCHW_FLOAT16_PROFILE, NCHW_PROFILE } from "./profile.js";

function memoryOf(
  draw: (g: GraphBuilder) => void,
  profile: DeviceProfile = NCHW_PROFILE,
  openInputs: GraphMemoryOptions["openInputs"] = "single",
): GraphMemory {
  const supply: WeightView["supply"] = (_key, shape) => {
    return { file: "shapes", dtype: "F16", shape: [...shape], offset: 0, length: 0 };
  };
  const g = new GraphBuilder(profile, { ...noWeights("shapes"), supply });
  draw(g);
  return graphMemory(g.trace("test"), { openInputs });
}

test("a tensor lives from its node to its last use, and the peak names its node", () => {
  const { peakBytes, peakNode } = memoryOf((g) => {
    const x = g.input("x", "float32", [10]); //    40 bytes, held throughout
    const a = relu(x); //                          40
    const b = concat([a, a, a], 0); //             120, then a ends
    const c = concat([b, b], 0); //                240, while x and b are there: the peak
    g.output("y", relu(slice(c, 0, 0, 1)));
  });
  expect(peakBytes).toBe(40 + 120 + 240);
  expect(peakNode).toMatch(/^Concat/);
});

test("a tensor that is needed again later stays", () => {
  const peak = (reused: boolean) =>
    memoryOf((g) => {
      const x = g.input("x", "float32", [10]);
      const a = relu(x);
      const b = relu(a);
      const c = relu(b);
      g.output("y", addValues(c, reused ? a : c));
    }).peakBytes;
  // x, c and the sum; x, a, c and the sum
  expect([peak(false), peak(true)]).toEqual([120, 160]);
});

test("another shape of the same tensor takes nothing and keeps it alive", () => {
  const { peakBytes } = memoryOf((g) => {
    const x = g.input("x", "float32", [2, 5]);
    const a = relu(x);
    const views = [reshape(a, [10]), reshape(reshape(a, [5, 2]), [10])];
    g.output("y", slice(concat(views, 0), 0, 0, 1));
  });
  // x, a and the concatenation
  expect(peakBytes).toBe(40 + 40 + 80);
});

test("an output lives until the end, for the caller takes it", () => {
  const { peakBytes } = memoryOf((g) => {
    const x = g.input("x", "float32", [10]);
    g.output("early", relu(x));
    g.output("late", relu(relu(relu(x))));
  });
  // x, the early output, and two of the chain
  expect(peakBytes).toBe(160);
});

test("a weight counts once, in the type that it is computed in, and is no activation", () => {
  const linear = (profile: DeviceProfile) =>
    memoryOf((g) => {
      const x = g.input("x", profile.compute, [2, 8]);
      const weight = g.weight("w", [4, 8]);
      g.output("y", concat([gemm(x, weight), gemm(x, weight)], 0));
    }, profile);
  expect(linear(NCHW_PROFILE)).toMatchObject({ weightBytes: 4 * 32, peakBytes: 4 * (16 + 8 + 8 + 16) });
  expect(linear(NCHW_FLOAT16_PROFILE)).toMatchObject({ weightBytes: 2 * 32, peakBytes: 2 * (16 + 8 + 8 + 16) });
});

test("an input of open size is one number a channel, or as large as what it is added to", () => {
  const residual = (openInputs: GraphMemoryOptions["openInputs"]) =>
    memoryOf(
      (g) => {
        const x = g.input("x", "float32", ["rows", 4]);
        g.output("y", addValues(x, g.input("residual", "float32", ["residual_rows?", 4])));
      },
      { ...NCHW_PROFILE, sizes: { rows: 100 } },
      openInputs,
    ).peakBytes;
  expect([residual("single"), residual("whole")]).toEqual([3200 + 16, 4800]);
});

test("a size without a number is an error that names it", () => {
  expect(() => memoryOf((g) => g.output("y", relu(g.input("x", "float32", ["B", 4]))))).toThrow(
    "x [B, 4]: B has no number",
  );
});
