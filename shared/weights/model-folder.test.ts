/** Components on the disk: one file, several by an index, and what is wrong with either. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { float32Tensor, writeSafetensors } from "../../testing/write-safetensors.js";
import { openModelFolder } from "./model-folder.js";
import { filesOf, float32Bytes } from "./weight-view.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "model-folder-"));
  writeFileSync(join(folder, "config.json"), "{}");
});
afterEach(() => rmSync(folder, { recursive: true }));

const FIRST = "diffusion_pytorch_model-00001-of-00002.safetensors";
const SECOND = "diffusion_pytorch_model-00002-of-00002.safetensors";

function writeShards(index: string, map: Record<string, string> = { a: FIRST, b: SECOND }): void {
  writeSafetensors(join(folder, FIRST), { a: float32Tensor([2], [1, 2]) });
  writeSafetensors(join(folder, SECOND), { b: float32Tensor([3], [3, 4, 5]) });
  writeFileSync(join(folder, index), JSON.stringify({ metadata: { total_size: 20 }, weight_map: map }));
}

test.each([
  "diffusion_pytorch_model.safetensors.index.json",
  "diffusion_pytorch_model.safetensors.index.fp16.json",
  "model.safetensors.index.json",
])("tensors of several files are one view (%s)", (index) => {
  writeShards(index);
  const { weights } = openModelFolder(folder);
  expect(weights).toMatchObject({ name: folder, folder });
  expect(filesOf(weights)).toEqual([FIRST, SECOND].map((name) => join(folder, name)));
  expect(weights.tensors.get("b")).toMatchObject({ file: join(folder, SECOND), shape: [3], dtype: "F32" });
  expect(float32Bytes(weights)).toBe(4 * 5);
});

test("files behind links are looked for where they are", () => {
  const blobs = join(folder, "blobs");
  const snapshot = join(folder, "snapshot");
  for (const name of [blobs, snapshot]) mkdirSync(name);
  for (const [blob, name] of [
    ["1", FIRST],
    ["2", SECOND],
  ] as const) {
    writeSafetensors(join(blobs, blob), { [blob === "1" ? "a" : "b"]: float32Tensor([1], [1]) });
    symlinkSync(`../blobs/${blob}`, join(snapshot, name));
  }
  writeFileSync(join(snapshot, "config.json"), "{}");
  const index = JSON.stringify({ weight_map: { a: FIRST, b: SECOND } });
  writeFileSync(join(snapshot, "model.safetensors.index.json"), index);
  expect(openModelFolder(snapshot).weights.folder).toBe(blobs);
});

test.each([
  ["diffusion_pytorch_model.bf16.safetensors", {}],
  ["model.fp16.safetensors", { "model.bf16.safetensors": 9, "model.safetensors": 9 }],
  ["model.safetensors", { "model.bf16.safetensors": 9, "model.non_ema.safetensors": 9 }],
])("%s is taken beside %j", (wanted, others) => {
  for (const [i, name] of [wanted, ...Object.keys(others)].entries()) {
    writeSafetensors(join(folder, name), { a: float32Tensor([1], [i]) });
  }
  expect(filesOf(openModelFolder(folder).weights)).toEqual([join(folder, wanted)]);
});

test("weights of training alone are none, and are named", () => {
  writeSafetensors(join(folder, "diffusion_pytorch_model.non_ema.safetensors"), { a: float32Tensor([1], [1]) });
  expect(() => openModelFolder(folder)).toThrow(
    /no weights; one of .* was expected.*; found diffusion_pytorch_model\.non_ema\.safetensors$/,
  );
});

test("a single file goes before an index, and its name is the view's", () => {
  writeShards("model.safetensors.index.json");
  writeSafetensors(join(folder, "model.safetensors"), { whole: float32Tensor([1], [1]) });
  const { weights } = openModelFolder(folder);
  expect(weights.name).toBe(join(folder, "model.safetensors"));
  expect([...weights.tensors.keys()]).toEqual(["whole"]);
});

test.each([
  [{ a: FIRST, b: FIRST }, `b is not in ${FIRST}`],
  [{ a: FIRST, b: "../other.safetensors" }, "../other.safetensors is not a file beside the index"],
  [{ a: FIRST, b: "gone.safetensors" }, "gone.safetensors: cannot be opened"],
])("an index of %o is refused by name", (map, words) => {
  writeShards("model.safetensors.index.json", map);
  expect(() => openModelFolder(folder)).toThrow(words);
});

test("a tensor that two files hold is refused by name", () => {
  writeShards("model.safetensors.index.json");
  writeSafetensors(join(folder, SECOND), { a: float32Tensor([1], [1]), b: float32Tensor([1], [1]) });
  expect(() => openModelFolder(folder)).toThrow(`${SECOND}: a is in ${FIRST} too`);
});

test("a folder without weights says what was looked for, and that a pickle is not taken", () => {
  writeFileSync(join(folder, "pytorch_model.bin"), "");
  expect(() => openModelFolder(folder)).toThrow(
    /one of .*model\.safetensors, .* was expected, .*; pytorch_model\.bin: a pickle is never loaded/,
  );
});
