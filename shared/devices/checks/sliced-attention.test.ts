import { attendInSlices, attention, type DeviceProfile, GraphBuilder, reshape } from "@armature/graph";
import { openSession } from "@armature/runtime";
import { noWeights } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { relativeError } from "../../../testing/golden.js";
import { DEVICE_FORMS } from "../device-profiles.js";
import { runCheck } from "../run-check.js";
import { writeCase } from "./check.js";
import { attend } from "./reference.js";
import { SeededValues } from "./seeded-scope.js";

const { plain } = DEVICE_FORMS.webgpu;

/** The rows that each slice's scores have. */
function slices(maxTensorBytes: number, compute: DeviceProfile["compute"]): number[] {
  const builder = new GraphBuilder({ ...plain, compute, maxTensorBytes }, noWeights("none"));
  const rows: number[] = [];
  const node = builder.node.bind(builder);
  builder.node = (op, inputs, dtype, shape, options) => {
    if (op === "Softmax") rows.push(shape[2] as number);
    return node(op, inputs, dtype, shape, options);
  };
  const [query, key, value] = [
    builder.input("query", compute, [2, 8, 100, 40]),
    builder.input("key", compute, [2, 8, 40, 500]),
    builder.input("value", compute, [2, 8, 500, 40]),
  ];
  expect(attendInSlices({ query, key, value }).shape).toEqual([2, 8, 100, 40]);
  return rows;
}

test("scores are cut into as few slices as stay below the limit", () => {
  const rowBytes = 2 * 8 * 500 * 4;
  // the keys themselves take as much as the scores of 40 rows
  expect(slices(100 * rowBytes, "float32")).toEqual([100]);
  expect(slices(100 * rowBytes - 1, "float32")).toEqual([99, 1]);
  expect(slices(40 * rowBytes, "float32")).toEqual([40, 40, 20]);
  expect(slices(20 * rowBytes, "float16")).toEqual([40, 40, 20]);
});

test("slices give what the whole gives", async () => {
  const request = { check: "attention", device: "cpu", threads: 1 } as const;
  const sliced = await runCheck({ ...request, profile: { ...plain, maxTensorBytes: 700_000 } });
  expect(sliced).toMatchObject({ passed: true });
  expect(sliced.error).toBeLessThan(2e-6);
});

test("a mask is cut with the rows that it belongs to", async () => {
  const size = { batch: 1, heads: 2, headDim: 4, queries: 60, keys: 60, causal: true };
  const values = new SeededValues(4);
  const data = () => values.draw(size.heads * size.queries * size.headDim);
  const [query, key, value] = [data(), data(), data()];
  const width = size.heads * size.headDim;
  const shape = [1, 60, width];
  const { model, feeds, expected } = writeCase(
    {
      label: "causal",
      inputs: { query: { data: query, shape }, key: { data: key, shape }, value: { data: value, shape } },
      values,
      graph: (_, inputs) => {
        const tokens = (name: string) => ({ value: reshape(inputs[name]!, [60, width]), batch: 1, length: 60, width });
        const all = { query: tokens("query"), key: tokens("key"), value: tokens("value") };
        return attention(all, { heads: size.heads, causal: true }).value;
      },
      expected: attend({ query, key, value, ...size }),
    },
    { ...plain, maxTensorBytes: 4 * 2 * 60 * 25 },
    (result) => result,
  );
  const session = await openSession(model, { device: "cpu", threads: 1, weightsFolder: "." });
  const tensors = Object.entries(feeds).map(([name, feed]) => [name, new Tensor("float32", feed.data, shape)]);
  const { result } = await session.run(Object.fromEntries(tensors));
  expect(relativeError(result!.data as Float32Array, expected)).toBeLessThan(2e-6);
});

test("a graph with a tensor above the limit is refused, with the sums", () => {
  const builder = new GraphBuilder({ ...plain, maxTensorBytes: 2 ** 20 }, noWeights("none"));
  const x = builder.input("x", "float32", [1, 512, 32, 17]);
  expect(() => builder.node("Relu", [x], x.dtype, x.shape)).toThrow(/takes 1 MiB.*up to 1 MiB/);
});
