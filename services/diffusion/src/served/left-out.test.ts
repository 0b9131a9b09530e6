/** Models that cannot work: named, they end the start; found, they are left out with the reason. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidConfig, InvalidModel } from "@armature/core";
import { readSafetensorsHeader } from "@armature/weights";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { writeSafetensors } from "../../../../testing/write-safetensors.js";
import { readServed } from "./read-served.js";

let modelsDir: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), "left-out-"));
});
afterEach(() => rmSync(modelsDir, { recursive: true }));

/** A copy of an embedded model or ControlNet. */
function place(source: string, id: string): void {
  cpSync(join(EMBEDDED_MODELS, source), join(modelsDir, id), { recursive: true });
}

const inModel = (id: string, file: string) => join(modelsDir, id, file);

const replaceBy = (make: (path: string) => void) => (path: string) => {
  rmSync(path);
  make(path);
};
const text = (content: string) => replaceBy((path) => writeFileSync(path, content));
/** Changes keys of a JSON file. */
const change = (keys: object) => (path: string) =>
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...keys }));
const remove = (path: string) => rmSync(path);
const pipe = replaceBy((path) => void execFileSync("mkfifo", [path]));
const endless = replaceBy((path) => symlinkSync("/dev/zero", path));

/** Gives a tensor another type, with as many bytes as that takes. */
const retype = (key: string, dtype: "F64" | "I32") => (path: string) => {
  const bytes = readFileSync(path);
  const held = [...readSafetensorsHeader(path).tensors].map(([name, { dtype: own, shape, offset, length }]) => {
    if (name !== key) return [name, { dtype: own, shape, bytes: bytes.subarray(offset, offset + length) }] as const;
    const size = shape.reduce((product, side) => product * side, dtype === "F64" ? 8 : 4);
    return [name, { dtype, shape, bytes: new Uint8Array(size) }] as const;
  });
  writeSafetensors(path, Object.fromEntries(held));
};

const UNET = "unet/diffusion_pytorch_model.fp16.safetensors";
const SCHEDULER = "scheduler/scheduler_config.json";

const BROKEN: [file: string, breaks: (path: string) => void, reason: RegExp][] = [
  ["tokenizer/merges.txt", remove, /^tokenizer\/merges\.txt: cannot be opened \(ENOENT\)$/],
  ["tokenizer/merges.txt", text(""), /^tokenizer\/merges\.txt: holds no merges$/],
  ["tokenizer/vocab.json", text("{"), /^tokenizer\/vocab\.json: is not JSON$/],
  [
    "tokenizer/tokenizer_config.json",
    change({ model_max_length: 1e9 }),
    /^tokenizer: gives 1000000000 tokens .* takes 77$/,
  ],
  ["tokenizer/vocab.json", change({ "a</w>": 49408 }), /^tokenizer: has a token of id 49408; .*49408 \(vocab_size\)$/],
  [
    "text_encoder/config.json",
    change({ vocab_size: 100 }),
    /^text_encoder\/.*token_embedding\.weight: the graph wants \[100, 64\]/,
  ],
  [
    "text_encoder/config.json",
    change({ num_hidden_layers: 1e9 }),
    /^text_encoder\/config\.json: num_hidden_layers is 1000000000;/,
  ],
  ["text_encoder/config.json", change({ num_hidden_layers: 100 }), /^text_encoder\/.*layers\.\d+\..* is missing/],
  [
    "text_encoder/config.json",
    change({ num_attention_heads: 7 }),
    /^text_encoder: a width of 64 cannot be split into 7 heads$/,
  ],
  ["text_encoder/config.json", change({ hidden_size: -64 }), /^text_encoder\/config\.json: hidden_size is -64;/],
  ["text_encoder/config.json", pipe, /^text_encoder\/config\.json: is not a file$/],
  ["unet/config.json", endless, /^unet\/config\.json: is not a file$/],
  ["unet/config.json", change({ in_channels: 9 }), /^unet\/config\.json: in_channels is 9; 4 was expected.*inpainting/],
  ["unet/config.json", change({ out_channels: 8 }), /^unet\/config\.json: out_channels is 8; 4 was expected$/],
  ["unet/config.json", change({ layers_per_block: 1e6 }), /^unet\/config\.json: layers_per_block is 1000000;/],
  ["unet/config.json", change({ sample_size: 1e6 }), /^unet\/config\.json: sample_size is 1000000; up to 1024/],
  ["unet/config.json", change({ layers_per_block: 1.5 }), /^unet\/config\.json: layers_per_block is 1\.5;/],
  ["unet/config.json", change({ norm_num_groups: 7 }), /^unet: \d+ channels cannot be split into 7 groups$/],
  [
    UNET,
    retype("conv_in.weight", "F64"),
    /^unet\/\S+\.safetensors: conv_in\.weight holds F64; F32, F16 or BF16 was expected$/,
  ],
  [UNET, retype("conv_in.bias", "I32"), /^unet\/\S+\.safetensors: conv_in\.bias holds I32;/],
  [UNET, pipe, /^unet\/\S+\.safetensors: is not a file$/],
  ["vae/config.json", change({ scaling_factor: 0 }), /^vae\/config\.json: scaling_factor is 0; a number above 0/],
  [SCHEDULER, text("{'beta': 1}"), /^scheduler\/scheduler_config\.json: is not JSON$/],
  [SCHEDULER, change({ _class_name: "EDMEulerScheduler" }), /^scheduler: .*EDMEulerScheduler is not supported/],
  [SCHEDULER, change({ beta_schedule: "sigmoid" }), /^scheduler: .*beta_schedule/],
  ["armature.json", text("{"), /^armature\.json: is not JSON$/],
  ["armature.json", text("[]"), /^armature\.json: wants an object/],
  [
    "armature.json",
    change({ num_inference_steps: 0, guidance_scale: "high", steps: 5 }),
    /^armature\.json: num_inference_steps: wants at least 1, found 0; guidance_scale: wants a number, .*; steps: unknown field "steps"; there are num_inference_steps, guidance_scale, scheduler$/,
  ],
  ["model_index.json", text("{"), /^model_index\.json: cannot be read as JSON$/],
  ["model_index.json", pipe, /^model_index\.json: is not a file$/],
  [
    "model_index.json",
    change({ _class_name: "StableDiffusionXLPipeline" }),
    /^model_index\.json: _class_name is "StableDiffusionXLPipeline"; one of StableDiffusionPipeline, .* was expected$/,
  ],
  [
    "model_index.json",
    change({ _class_name: "StableDiffusionInpaintPipeline" }),
    /^model_index\.json: _class_name is "StableDiffusionInpaintPipeline";/,
  ],
  ["armature.json", change({ scheduler: "dpm" }), /^armature\.json: scheduler "dpm": .*there is no scheduler/],
  ["armature.json", change({ num_inference_steps: 1001 }), /^armature\.json: scheduler "dpm\+\+ 2m": .*steps/],
];

test.each(BROKEN.map((row, i) => [i, ...row] as const))(
  "%i: a model whose %s is broken is left out, with the reason",
  (...row) => {
    const [, file, breaks, reason] = row;
    place("tiny-sd", "broken");
    place("tiny-sd", "whole");
    // what is wrong with the scheduler is that of the model, where armature.json names none
    if (file === SCHEDULER) rmSync(inModel("broken", "armature.json"));
    breaks(inModel("broken", file));
    const { models, leftOut } = readServed({ modelsDir });
    expect(models.map(({ id }) => id)).toEqual(["whole"]);
    expect(leftOut).toEqual({
      models: [{ id: "broken", reason: expect.stringMatching(reason) }],
      adapters: { controlnet: [] },
    });
    expect(leftOut.models[0]!.reason).not.toContain(modelsDir);
    const named = () => readServed({ modelsDir, models: ["whole", "broken"] });
    expect(named).toThrow(InvalidModel);
    expect(named).toThrow(/broken/);
  },
);

test("a ControlNet is left out likewise, and ends the start where it is named", () => {
  place("tiny-sd", "tiny-sd");
  for (const id of ["controlnet-canny", "controlnet-depth"]) place(id, id);
  change({ layers_per_block: 1e9 })(inModel("controlnet-depth", "config.json"));
  const { adapters, leftOut } = readServed({ modelsDir });
  expect(adapters.map(({ id }) => id)).toEqual(["controlnet-canny"]);
  const reason = expect.stringMatching(/^config\.json: layers_per_block is 1000000000;/);
  expect(leftOut).toEqual({ models: [], adapters: { controlnet: [{ id: "controlnet-depth", reason }] } });
  expect(() => readServed({ modelsDir, adapters: { controlnet: ["depth"] } })).toThrow(
    /controlnet-depth\/config\.json: layers_per_block/,
  );
});

test.each<[string, (path: string) => void, string]>([
  ["that does not parse", text("{"), "config.json: cannot be read as JSON"],
  ["that is a list", text("[]"), "config.json: a JSON object was expected"],
  ["that is a pipe", pipe, "config.json: is not a file"],
  ["that is an endless device", endless, "config.json: is not a file"],
])("a ControlNet with a config.json %s is left out with the reason, and ends the start where it is named", (...row) => {
  const [, breaks, reason] = row;
  place("tiny-sd", "tiny-sd");
  for (const id of ["controlnet-canny", "controlnet-depth"]) place(id, id);
  breaks(inModel("controlnet-depth", "config.json"));
  const { adapters, leftOut } = readServed({ modelsDir });
  expect(adapters.map(({ id }) => id)).toEqual(["controlnet-canny"]);
  expect(leftOut).toEqual({ models: [], adapters: { controlnet: [{ id: "controlnet-depth", reason }] } });
  const named = () => readServed({ modelsDir, adapters: { controlnet: ["depth=controlnet-depth"] } });
  expect(named).toThrow(InvalidModel);
  expect(named).toThrow(reason);
});

test("a folder with broken models alone ends the start, with the reason of each", () => {
  place("tiny-sd", "broken");
  remove(inModel("broken", "tokenizer/merges.txt"));
  expect(() => readServed({ modelsDir })).toThrow(
    new InvalidConfig(
      "MODELS_DIR holds no model (a folder with model_index.json); broken cannot work: tokenizer/merges.txt: cannot be opened (ENOENT)",
    ),
  );
});

test("files behind links are named without the folders that they lie in", () => {
  place("tiny-sd", "tiny-sd");
  const blobs = mkdtempSync(join(tmpdir(), "blobs of "));
  place("controlnet-depth", "linked");
  const weights = inModel("linked", "diffusion_pytorch_model.fp16.safetensors");
  writeFileSync(join(blobs, "0a1b"), readFileSync(weights).subarray(0, statSync(weights).size / 2));
  replaceBy((path) => symlinkSync(join(blobs, "0a1b"), path))(weights);
  const { leftOut } = readServed({ modelsDir });
  expect(leftOut.adapters.controlnet).toEqual([
    { id: "linked", reason: expect.stringMatching(/^0a1b: tensor .* truncated/) },
  ]);
  rmSync(blobs, { recursive: true });
});
