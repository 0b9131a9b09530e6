/** The one list of weight files: what is whole, and what is taken before what. */
import { expect, test } from "vitest";
import { chooseWeights, weightsExpected } from "./weight-files.js";

const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const HALF_SHARDS = ["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"];
const OLD_HALF_SHARDS = ["model-00001-of-00002.fp16.safetensors", "model-00002-of-00002.fp16.safetensors"];

test.each<[string[], string[] | undefined]>([
  [["model.safetensors", "model.fp16.safetensors", "model.bf16.safetensors"], ["model.fp16.safetensors"]],
  [["model.safetensors", "model.bf16.safetensors"], ["model.safetensors"]],
  [["model.bf16.safetensors", "model.non_ema.safetensors"], ["model.bf16.safetensors"]],
  [["model.safetensors", "diffusion_pytorch_model.bf16.safetensors"], ["diffusion_pytorch_model.bf16.safetensors"]],
  [
    [...SHARDS, "model.safetensors.index.json"],
    ["model.safetensors.index.json", ...SHARDS],
  ],
  [
    [...HALF_SHARDS, "model.safetensors.index.fp16.json"],
    ["model.safetensors.index.fp16.json", ...HALF_SHARDS],
  ],
  [
    [...OLD_HALF_SHARDS, "model.fp16.safetensors.index.json"],
    ["model.fp16.safetensors.index.json", ...OLD_HALF_SHARDS],
  ],
  [[...HALF_SHARDS, "model.safetensors.index.json"], undefined],
  [[...SHARDS], undefined],
  [[SHARDS[0]!, "model.safetensors.index.json"], undefined],
  [["model.non_ema.safetensors", "pytorch_model.bin", "model.safetensors.bak", "xmodel.safetensors"], undefined],
])("of %j: %j", (names, chosen) => {
  expect(chooseWeights(names)).toEqual(chosen);
});

test("a message names what was expected and what is there", () => {
  const text = weightsExpected(["config.json", "model.non_ema.safetensors", "pytorch_model.bin", "model.onnx"]);
  expect(text).toMatch(/^one of diffusion_pytorch_model\.fp16\.safetensors, .*model\.bf16\.safetensors was expected/);
  expect(text).toMatch(
    /; found model\.non_ema\.safetensors, model\.onnx; pytorch_model\.bin: a pickle is never loaded$/,
  );
});
