import { expect, test } from "vitest";
import { encodeModel, type Node } from "./onnx.js";

test("a graph of very many nodes is written", () => {
  const node = (i: number): Node => ({
    ...{ op: "Identity", domain: "", name: `node ${i}`, inputs: [`${i}`], outputs: [`${i + 1}`] },
    attributes: { first: 1, second: [1, 2, 3], third: "text" },
  });
  const graph = { name: "long", nodes: Array.from({ length: 20_000 }, (_, i) => node(i)) };
  const bytes = encodeModel({ ...graph, initializers: [], inputs: [], outputs: [], opset: 23 });
  expect(
    Buffer.from(bytes)
      .toString("latin1")
      .match(/node \d+/g),
  ).toHaveLength(20_000);
});
