/** The rule for repositories that no manifest lists, and what is said where it finds nothing fit. */
import { expect, test } from "vitest";
import { chooseFiles, foldersWithoutWeights } from "./select-files.js";
import type { RemoteFile } from "./sources/source.js";

const SMALLEST = { smallest: true, files: new Map<string, number>(), optional: new Set<string>() };

function repository(sizes: Record<string, number>): RemoteFile[] {
  return Object.entries(sizes).map(([path, size]) => ({ path, size, hash: { gitSha1: "0".repeat(40) } }));
}

function chosen(sizes: Record<string, number>, wanted = SMALLEST): string[] {
  return chooseFiles("some/model", repository(sizes), wanted)
    .files.map(({ path }) => path)
    .sort();
}

const PIPELINE = {
  ".gitattributes": 1,
  "README.md": 9,
  "model_index.json": 5,
  "v1-5-pruned-emaonly.ckpt": 4270,
  "v1-5-pruned-emaonly.safetensors": 4270,
  "scheduler/scheduler_config.json": 3,
  "tokenizer/tokenizer_config.json": 4,
  "tokenizer/vocab.json": 100,
  "tokenizer/merges.txt": 50,
  "text_encoder/config.json": 6,
  "text_encoder/model.safetensors": 492,
  "text_encoder/model.fp16.safetensors": 246,
  "text_encoder/pytorch_model.bin": 492,
  "unet/config.json": 7,
  "unet/diffusion_pytorch_model.bin": 3440,
  "unet/diffusion_pytorch_model.fp16.bin": 1720,
  "unet/diffusion_pytorch_model.non_ema.safetensors": 3440,
  "unet/diffusion_pytorch_model.safetensors": 3440,
  "unet/diffusion_pytorch_model.fp16.safetensors": 1720,
  "vae/config.json": 8,
  "vae/diffusion_pytorch_model.safetensors": 335,
  "safety_checker/config.json": 9,
  "safety_checker/model.safetensors": 1220,
  "feature_extractor/preprocessor_config.json": 2,
  "unet/onnx/model.onnx": 3440,
};

test("of a pipeline: each component's configuration and its smallest safetensors, nothing else", () => {
  expect(chosen(PIPELINE)).toEqual([
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.fp16.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
  ]);
  const { notes } = chooseFiles("some/model", repository(PIPELINE), SMALLEST);
  expect(notes).toEqual(["some/model: safety_checker/ is left out", "some/model: feature_extractor/ is left out"]);
});

test("of a single model: its configuration and one weight file, or every shard with the index", () => {
  const net = { "config.json": 1, "diffusion_pytorch_model.bin": 9, "diffusion_pytorch_model.safetensors": 9 };
  expect(chosen(net)).toEqual(["config.json", "diffusion_pytorch_model.safetensors"]);
  const shards = {
    "config.json": 1,
    "model.safetensors.index.json": 1,
    "model-00001-of-00002.safetensors": 5,
    "model-00002-of-00002.safetensors": 4,
    "pytorch_model.bin": 9,
  };
  expect(chosen(shards)).toEqual([
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ]);
  const { "model-00002-of-00002.safetensors": _lost, ...broken } = shards;
  expect(() => chosen(broken)).toThrow(
    /no weights that can be loaded: .*; found model-00001-of-00002\.safetensors; pytorch_model\.bin: a pickle/,
  );
});

test("only pickles, or another layout: said clearly, with what was found", () => {
  expect(() => chosen({ "config.json": 1, "diffusion_pytorch_model.bin": 9 })).toThrow(
    /some\/model offers diffusion_pytorch_model\.bin but no \.safetensors beside it\. A pickle can run code/,
  );
  expect(() =>
    chosen({ ...PIPELINE, "vae/diffusion_pytorch_model.safetensors": 1, "model_index.json": 1 }),
  ).not.toThrow();
  const { "vae/diffusion_pytorch_model.safetensors": _gone, ...noVae } = PIPELINE;
  expect(() => chosen({ ...noVae, "vae/diffusion_pytorch_model.bin": 335 })).toThrow(
    /offers vae\/diffusion_pytorch_model\.bin/,
  );
  expect(() => chosen({ "dreamshaper_8.safetensors": 9, "README.md": 1 })).toThrow(
    /not in diffusers' layout.*dreamshaper_8\.safetensors is a single-file checkpoint/,
  );
});

test("a listed fp16 file that does not exist is replaced by the larger one, and the user is told", () => {
  const wanted = {
    smallest: false,
    files: new Map([
      ["config.json", 1],
      ["diffusion_pytorch_model.fp16.safetensors", 7],
      ["extra.json", 0],
    ]),
    optional: new Set(["extra.json"]),
  };
  const files = repository({ "config.json": 1, "diffusion_pytorch_model.safetensors": 14 });
  const choice = chooseFiles("a/b", files, wanted);
  expect(choice.files.map(({ path }) => path)).toEqual(["config.json", "diffusion_pytorch_model.safetensors"]);
  expect(choice.notes).toEqual([
    "a/b: no diffusion_pytorch_model.fp16.safetensors; taking diffusion_pytorch_model.safetensors instead",
  ]);
  expect(() => chooseFiles("a/b", repository({ "diffusion_pytorch_model.safetensors": 14 }), wanted)).toThrow(
    "a/b has no file config.json",
  );
  expect(() => chooseFiles("a/b", repository({ "config.json": 1, "diffusion_pytorch_model.bin": 14 }), wanted)).toThrow(
    /no \.safetensors beside it/,
  );
});

const {
  "unet/diffusion_pytorch_model.fp16.safetensors": _half,
  "unet/diffusion_pytorch_model.safetensors": _full,
  ...BARE
} = PIPELINE;
const WITHOUT_UNET = Object.fromEntries(
  Object.entries(BARE).filter(([path]) => !path.startsWith("unet/diffusion_pytorch_model")),
);

test("a network in bfloat16 alone is taken so, and its shards with their index", () => {
  expect(chosen({ ...WITHOUT_UNET, "unet/diffusion_pytorch_model.bf16.safetensors": 9 })).toContain(
    "unet/diffusion_pytorch_model.bf16.safetensors",
  );
  const shards = ["00001-of-00002", "00002-of-00002"].map((n) => `unet/diffusion_pytorch_model.bf16-${n}.safetensors`);
  const sharded = ["unet/diffusion_pytorch_model.safetensors.index.bf16.json", ...shards];
  const files = Object.fromEntries(sharded.map((path) => [path, 5]));
  expect(chosen({ ...WITHOUT_UNET, ...files })).toEqual(expect.arrayContaining(sharded));
});

test.each<[string, Record<string, number>, RegExp]>([
  [
    "weights of training",
    { "unet/diffusion_pytorch_model.non_ema.safetensors": 9 },
    /some\/model: unet\/ has no weights that can be loaded: .*; found diffusion_pytorch_model\.non_ema\.safetensors$/,
  ],
  [
    "another framework's",
    { "unet/diffusion_flax_model.msgpack": 9 },
    /unet\/ has no weights .*found diffusion_flax_model/,
  ],
  ["none at all", {}, /unet\/ has no weights that can be loaded: one of /],
  ["an empty file", { "unet/diffusion_pytorch_model.safetensors": 0 }, /unet\/ has no weights that can be loaded/],
])("a network with nothing but %s stops the selection, which says what is there", (_what, files, message) => {
  expect(() => chosen({ ...WITHOUT_UNET, ...files })).toThrow(message);
  const wanted = {
    ...SMALLEST,
    smallest: false,
    files: new Map([["unet/diffusion_pytorch_model.fp16.safetensors", 9]]),
  };
  expect(() => chosen({ ...WITHOUT_UNET, ...files }, wanted)).toThrow(/unet/);
});

test("a pipeline without its UNet's folder, or its configuration, is none", () => {
  const noFolder = Object.fromEntries(Object.entries(PIPELINE).filter(([path]) => !path.startsWith("unet/")));
  const { "unet/config.json": _config, ...noConfig } = PIPELINE;
  for (const files of [noFolder, noConfig]) {
    expect(() => chosen(files)).toThrow(/model_index\.json is there, but no unet\/config\.json with weights beside it/);
  }
});

const without = (...gone: string[]) =>
  Object.fromEntries(Object.entries(PIPELINE).filter(([path]) => !gone.some((name) => path.startsWith(name))));

test.each<[string, Record<string, number>, string]>([
  [
    "a text encoder",
    without("text_encoder/"),
    "no text_encoder/config.json with weights beside it; found .gitattributes, README.md, model_index.json, v1-5-pruned-emaonly.ckpt, v1-5-pruned-emaonly.safetensors, scheduler/, tokenizer/, unet/, vae/, safety_checker/, feature_extractor/",
  ],
  [
    "its configuration",
    without("text_encoder/config.json"),
    "no text_encoder/config.json with weights beside it; found text_encoder/model.safetensors, text_encoder/model.fp16.safetensors, text_encoder/pytorch_model.bin",
  ],
  [
    "a vocabulary",
    without("tokenizer/vocab.json"),
    "no tokenizer/vocab.json; found tokenizer/tokenizer_config.json, tokenizer/merges.txt",
  ],
  [
    "merges",
    without("tokenizer/merges.txt"),
    "no tokenizer/merges.txt; found tokenizer/tokenizer_config.json, tokenizer/vocab.json",
  ],
  [
    "a byte in its merges",
    { ...PIPELINE, "tokenizer/merges.txt": 0 },
    "no tokenizer/merges.txt; found tokenizer/tokenizer_config.json, tokenizer/vocab.json, tokenizer/merges.txt of 0 bytes",
  ],
  [
    "a scheduler's configuration",
    { ...without("scheduler/"), "scheduler/README.md": 3 },
    "no scheduler/scheduler_config.json; found scheduler/README.md",
  ],
])("a pipeline without %s is not fetched: it is said what is missing and what is there", (_what, files, said) => {
  expect(() => chosen(files)).toThrow(`some/model: model_index.json is there, but ${said}`);
});

test("a pipeline without a tokenizer: each file that is missing is named", () => {
  expect(() => chosen(without("tokenizer/"))).toThrow(
    "no tokenizer/tokenizer_config.json, no tokenizer/vocab.json, no tokenizer/merges.txt; found .gitattributes",
  );
});

test("in place of a listed file comes whichever form of the weights is there, never another file", () => {
  const wanted = { ...SMALLEST, smallest: false, files: new Map([["v2/model.safetensors", 9]]) };
  const choice = chooseFiles("a/b", repository({ "v2/config.json": 1, "v2/model.bf16.safetensors": 4 }), wanted);
  expect(choice.files.map(({ path }) => path)).toEqual(["v2/model.bf16.safetensors"]);
  expect(choice.notes).toEqual(["a/b: no v2/model.safetensors; taking v2/model.bf16.safetensors instead"]);
  const other = { ...wanted, files: new Map([["v2/special.safetensors", 9]]) };
  expect(() => chooseFiles("a/b", repository({ "v2/model.safetensors": 1 }), other)).toThrow(/has no file v2\/special/);
});

test("folders that hold a network's configuration and no weights are told", () => {
  const paths = Object.keys(WITHOUT_UNET);
  expect(foldersWithoutWeights(paths)).toEqual(["unet"]);
  expect(foldersWithoutWeights(Object.keys(PIPELINE))).toEqual([]);
  expect(foldersWithoutWeights(["config.json", "scheduler/config.json", "scheduler/scheduler_config.json"])).toEqual([
    "",
  ]);
});
