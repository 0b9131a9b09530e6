/** What of a component's tensors ends the start, and what is only told. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModelConfig, readSafetensorsHeader } from "@armature/weights";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EMBEDDED_MODELS } from "../../../../testing/model-folders.js";
import { float32Tensor, type WrittenTensor, writeSafetensors } from "../../../../testing/write-safetensors.js";
import { controlNetAdapter } from "../adapters/controlnet.js";
import { sd1 } from "../families/sd1.js";
import type { ComponentRow } from "../networks/component-row.js";
import { readComponent } from "./component.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "component-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A copy of an embedded component with tensors added, or taken away where they are undefined. */
function place(source: string, file: string, change: Record<string, WrittenTensor | undefined>): void {
  cpSync(join(EMBEDDED_MODELS, source), folder, { recursive: true });
  const path = join(folder, file);
  const bytes = readFileSync(path);
  const held = [...readSafetensorsHeader(path).tensors].map(([key, { dtype, shape, offset, length }]) => {
    return [key, { dtype, shape, bytes: bytes.subarray(offset, offset + length) }] as const;
  });
  const tensors = Object.entries({ ...Object.fromEntries(held), ...change });
  writeSafetensors(path, Object.fromEntries(tensors.filter((entry): entry is [string, WrittenTensor] => !!entry[1])));
}

const { text_encoder: text, vae } = sd1.components;
const read = (row: ComponentRow<unknown>, notes: string[] = []) => {
  const config = row.read(ModelConfig.read(join(folder, "config.json")));
  const { networks } = readComponent({ ...row, folder, config }, (line) => notes.push(line));
  return { networks: networks.map(({ network }) => network), notes };
};

test("tensors that official loaders leave unused are one line", () => {
  const leftovers = {
    "text_model.embeddings.position_ids": { dtype: "I64", shape: [1, 1], bytes: new Uint8Array(8) },
    "text_projection.weight": float32Tensor([1, 1], [1]),
    logit_scale: float32Tensor([], [1]),
  } satisfies Record<string, WrittenTensor>;
  place("tiny-sd/text_encoder", "model.fp16.safetensors", leftovers);
  const { networks, notes } = read(text);
  expect(networks).toEqual(["text encoder"]);
  expect(notes).toEqual([
    expect.stringMatching(/model\.fp16\.safetensors: 3 tensors stay unused, as in official loaders: .*logit_scale/),
  ]);
});

test("others end the start by name, and so does a missing one", () => {
  const file = "diffusion_pytorch_model.fp16.safetensors";
  const controlnet = controlNetAdapter.weights;
  place("controlnet-depth", file, { "adapter.weight": float32Tensor([1], [1]) });
  expect(() => read(controlnet)).toThrow(/1 tensors that .*controlnet.* do not know: adapter\.weight/);
  place("controlnet-depth", file, { "conv_in.bias": undefined });
  expect(() => read(controlnet)).toThrow(/conv_in\.bias is missing/);
  place("controlnet-depth", file, {});
  expect(read(controlnet)).toEqual({ networks: controlnet.always, notes: [] });
});

test("a VAE without the encoder's tensors ends the start: a request with a picture asks for them", () => {
  const file = "diffusion_pytorch_model.fp16.safetensors";
  const held = readSafetensorsHeader(join(EMBEDDED_MODELS, "tiny-sd/vae", file)).tensors;
  const encoder = [...held.keys()].filter((key) => /^(encoder|quant_conv)\./.test(key));
  place("tiny-sd/vae", file, Object.fromEntries(encoder.map((key) => [key, undefined])));
  expect(() => read(vae)).toThrow(/encoder\.\S+ is missing/);
});
