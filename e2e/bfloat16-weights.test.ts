/** Weights that are published in bfloat16 alone load and compute what the same numbers compute in float32, bit for bit. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CPU_PROFILE } from "@armature/graph";
import { readTensors } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dptNetwork } from "../services/preprocessor/src/networks/dpt.js";
import { EMBEDDED_MODELS } from "../testing/model-folders.js";
import { openFolderNetwork } from "../testing/open-folder-network.js";
import { bfloat16Tensor, float32Tensor, type WrittenTensor, writeSafetensors } from "../testing/write-safetensors.js";

const MODEL = join(EMBEDDED_MODELS, "depth-dpt-tiny");
const SIDE = 96;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "bfloat16-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The embedded model's weights, rounded to bfloat16 and written in one of two types. */
function modelIn(name: string, write: (shape: number[], values: readonly number[]) => WrittenTensor): string {
  const folder = join(root, name.replace(".safetensors", ""));
  mkdirSync(folder);
  copyFileSync(join(MODEL, "config.json"), join(folder, "config.json"));
  const tensors = [...readTensors(join(MODEL, "model.safetensors"))].map(([key, { shape, data }]) => {
    const bits = new Uint32Array(Float32Array.from(data as Float32Array).buffer).map((word) => word & 0xffff0000);
    return [key, write(shape, [...new Float32Array(bits.buffer)])] as const;
  });
  writeSafetensors(join(folder, name), Object.fromEntries(tensors));
  return folder;
}

async function depth(folder: string): Promise<Float32Array> {
  const session = await openFolderNetwork(dptNetwork, folder, CPU_PROFILE);
  const pixels = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => Math.sin(i / 50));
  const { predicted_depth } = await session.run({ pixel_values: new Tensor("float32", pixels, [1, 3, SIDE, SIDE]) });
  const values = Float32Array.from(predicted_depth!.data as Float32Array);
  await session.release();
  return values;
}

test("a folder with nothing but .bf16.safetensors is a model", async () => {
  const halved = await depth(modelIn("model.bf16.safetensors", bfloat16Tensor));
  const plain = await depth(modelIn("model.safetensors", float32Tensor));
  expect(Math.max(...halved)).toBeGreaterThan(Math.min(...halved));
  expect(halved).toEqual(plain);
});
