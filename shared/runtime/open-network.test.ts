/** Which networks get a prepared form, by what their graphs take of the weights file. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CPU_PROFILE, defineNetwork, matmul, tensorPort } from "@armature/graph";
import { readSafetensorsHeader, type WeightView, weightView } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { expectAllCame, justBefore } from "../../testing/intrusion.js";
import { openNetwork } from "./open-network.js";

vi.mock(import("node:fs/promises"), async (original) =>
  (await import("../../testing/intrusion.js")).watched(await original()),
);

/** 27 MB and 4 MB in float32. */
const [LARGE, SMALL] = [2600, 1000];

let work: string;
let weights: WeightView;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "open-network-"));
  weights = writeSparseFile(join(work, "model.safetensors"));
});
afterAll(() => rmSync(work, { recursive: true }));

/** Two matrices and a tensor that no graph here takes, of more bytes than the disk has free: a hole, which takes none. */
function writeSparseFile(file: string): WeightView {
  const { bavail, bsize } = statfsSync(work);
  const sizes = { large: [LARGE, LARGE], small: [SMALL, SMALL], others: [Math.ceil((bavail * bsize) / 4) + 1] };
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(sizes).map(([key, shape]) => {
      const begin = end;
      end += shape.reduce((product, size) => product * size, 4);
      return [key, { dtype: "F32", shape, data_offsets: [begin, end] }];
    }),
  );
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(file, Buffer.concat([length, json]));
  truncateSync(file, 8 + json.length + end);
  return weightView([readSafetensorsHeader(file)]);
}

/**
 * x [1, side] times the matrix, opened with a cache of the test's own: what is then in it, undefined if it was not begun, and whether the
 * session says that it is prepared.
 */
async function open(key: string, side: number) {
  const network = defineNetwork({
    name: key,
    read: () => ({}),
    inputs: () => ({ x: tensorPort("float32", [1, side]) }),
    outputs: "caller",
    write: (g, { x }) => ({ y: matmul(x, g.weight(key, [side, side])) }),
  });
  const folder = join(work, `cache-${key}`);
  const source = { network: network.configured({}), weights, profile: CPU_PROFILE };
  const session = await openNetwork(source, { threads: 1, prepared: { folder, limitBytes: 1e9 } });
  const { y } = await session.run({ x: new Tensor("float32", new Float32Array(side).fill(1), [1, side]) });
  await session.release();
  expect(y!.data).toEqual(new Float32Array(side));
  return { entries: existsSync(folder) ? readdirSync(folder) : undefined, prepared: session.prepared ?? false };
}

test("room is asked for what a graph takes, not for its whole file", async () => {
  expect(await open("large", LARGE)).toEqual({ entries: [expect.any(String)], prepared: true });
});

test("a graph that takes little is not prepared, however large its file is", async () => {
  expect(await open("small", SMALL)).toEqual({ entries: undefined, prepared: false });
});

test("prepared weights that another process removes before they are opened: the official file serves", async () => {
  const cache = join(work, "cache-large");
  justBefore("readFile", /cache-large\/[0-9a-f]{32}\/graph\.onnx$/, () => {
    for (const name of readdirSync(cache)) rmSync(join(cache, name, "weights.bin"));
  });
  expect(await open("large", LARGE)).toEqual({ entries: [expect.any(String)], prepared: false });
  expectAllCame();
});
