/** Weights of every kind of place, through real sessions. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CPU_PROFILE, type DeviceProfile, GraphBuilder, gather, matmul, type Value } from "@armature/graph";
import { readSafetensorsHeader, rowsOf, type WeightPlace, type WeightView, weightView } from "@armature/weights";
import { afterAll, expect, test } from "vitest";
import { bfloat16Tensor, float32Tensor, writeSafetensors } from "../../testing/write-safetensors.js";
import { createSession } from "./session.js";

const folder = mkdtempSync(join(tmpdir(), "weight-views-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Values that need all the bits of a bfloat16: signs, the largest and least exponents, subnormal numbers. */
const BFLOATS = [
  1, -1.5, 0.0078125, 3.3895313892515355e38, -1.1754943508222875e-38, 9.183549615799121e-41, 255, -0.333984375,
];
const MATRIX = [1, 2, 3, 4, 5, 6]; // [2, 3]

writeSafetensors(join(folder, "a.safetensors"), {
  odd: { dtype: "U8", shape: [3], bytes: new Uint8Array(3) }, // what comes after lies at an odd place
  brain: bfloat16Tensor([2, 4], BFLOATS),
  matrix: float32Tensor([2, 3], MATRIX),
});
mkdirSync(join(folder, "below"));
writeSafetensors(join(folder, "below/b.safetensors"), { other: float32Tensor([2], [7, 8]) });

const files = weightView(
  ["a.safetensors", "below/b.safetensors"].map((name) => readSafetensorsHeader(join(folder, name))),
);

/** A view of the tensors under another layout, in the same files. */
function viewOf(tensors: Record<string, WeightPlace>): WeightView {
  return { ...files, tensors: new Map(Object.entries(tensors)) };
}

async function evaluate(view: WeightView, draw: (g: GraphBuilder) => Value, profile: DeviceProfile = CPU_PROFILE) {
  const graph = new GraphBuilder(profile, view);
  graph.output("y", draw(graph));
  const session = await createSession(graph.build("test"), { weightsFolder: view.folder, threads: 1 });
  const { y } = await session.run({});
  await session.release();
  return [...(y!.data as Float32Array)];
}

const identity = (g: GraphBuilder, size: number) =>
  g.floats(
    Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
    [size, size],
  );

test("bfloat16 is exact in float32", async () => {
  expect(await evaluate(files, (g) => g.cast(g.weight("brain", [2, 4]), "float32"))).toEqual(BFLOATS.map(Math.fround));
  const expected = BFLOATS.slice(4).map(Math.fround);
  const secondRow = (g: GraphBuilder) => g.cast(gather(g.table("brain", [2, 4]), g.ints([1])), "float32");
  expect(await evaluate(files, secondRow)).toEqual(expected);
});

test("the weights of one graph may lie in several files, below one folder", async () => {
  const sum = (g: GraphBuilder) => matmul(g.weight("other", [1, 2]), g.weight("matrix", [2, 3]));
  const view = viewOf({
    other: { ...files.tensors.get("other")!, shape: [1, 2] },
    matrix: files.tensors.get("matrix")!,
  });
  expect(await evaluate(view, sum)).toEqual([7 * 1 + 8 * 4, 7 * 2 + 8 * 5, 7 * 3 + 8 * 6]);
});

test("rows of a larger tensor are a weight of their own, and have rows themselves", async () => {
  const rows = viewOf({ second: rowsOf(files.tensors.get("matrix")!, 1, 2), all: files.tensors.get("matrix")! });
  expect(await evaluate(rows, (g) => matmul(identity(g, 1), g.weight("second", [1, 3])))).toEqual([4, 5, 6]);
  const byRows = (g: GraphBuilder) => matmul(identity(g, 1), g.weight("all", [2, 3], { start: 1, end: 2 }));
  expect(await evaluate(rows, byRows)).toEqual([4, 5, 6]);
});

test("a transposed matrix is turned when the graph is loaded, and is asked for in the layer's shape", async () => {
  const turned = viewOf({ turned: { ...files.tensors.get("matrix")!, transposed: true } });
  const draw = (g: GraphBuilder) => matmul(identity(g, 3), g.weight("turned", [3, 2]));
  expect(await evaluate(turned, draw)).toEqual([1, 4, 2, 5, 3, 6]);
  expect(() => new GraphBuilder(CPU_PROFILE, turned).weight("turned", [2, 3])).toThrow(
    "turned: the graph wants [2, 3], the file holds [3, 2]",
  );
  expect(() => new GraphBuilder(CPU_PROFILE, turned).weight("turned", [3, 2], { start: 0, end: 1 })).toThrow(
    "turned is transposed: its rows do not lie together",
  );
});
