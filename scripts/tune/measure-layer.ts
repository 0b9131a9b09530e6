/** Times one layer in each of its forms, in turn, so that a disturbance hits all alike. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AttentionForm,
  attention,
  CPU_PROFILE,
  conv2d,
  type DeviceProfile,
  encodeModel,
  GraphBuilder,
  type GraphTrace,
  Scope,
  type Value,
} from "@armature/graph";
import { createSession } from "@armature/runtime";
import { noWeights, readSafetensorsHeader, type WeightView, weightView } from "@armature/weights";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { median } from "../bench/report.js";
import { wantedTensors, writeSyntheticModel } from "../bench/synthetic-weights.js";
import type { AttentionShape, ConvShape, LayerForm, LayerShape } from "./layers.js";

interface TuneOptions {
  threads: number;
  repeats: number;
}

/** Median milliseconds of each form. */
export type FormTimes = Partial<Record<LayerForm, number>>;

export async function measureLayer(shape: LayerShape, options: TuneOptions): Promise<FormTimes> {
  const folder = mkdtempSync(join(tmpdir(), "armature-tune-"));
  try {
    const sessions = await openForms(shape, folder, options.threads);
    const times = await timeInTurn(sessions, inputsOf(shape), options.repeats);
    for (const { session } of sessions) await session.release();
    return times;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface FormSession {
  form: LayerForm;
  session: InferenceSession;
}

async function openForms(shape: LayerShape, folder: string, threads: number): Promise<FormSession[]> {
  const weights = await writeWeights(shape, folder);
  const sessions: FormSession[] = [];
  for (const { form, model } of formModels(shape, weights)) {
    const session = await createSession(model, { weightsFolder: folder, threads });
    sessions.push({ form, session });
  }
  return sessions;
}

/** The layer's graph in each of its forms. */
export function formModels(shape: LayerShape, weights: WeightView): { form: LayerForm; model: Uint8Array }[] {
  return formsOf(shape).map(([form, profile]) => ({ form, model: encodeModel(layerTrace(shape, weights, profile)) }));
}

const WEIGHTS = "model.safetensors";

async function writeWeights(shape: LayerShape, folder: string): Promise<WeightView> {
  const wanted = wantedTensors([{ trace: (weights, profile) => layerTrace(shape, weights, profile) }]);
  if (Object.keys(wanted).length === 0) return noWeights(WEIGHTS);
  await writeSyntheticModel(folder, WEIGHTS, {}, wanted);
  return weightView([readSafetensorsHeader(join(folder, WEIGHTS))]);
}

/** Winograd's form everywhere: whether it pays is what is asked. */
const EVERYWHERE = { minSide: 1, maxSide: Number.POSITIVE_INFINITY, minChannels: 1 };
const ATTENTION: AttentionForm[] = ["fused", "onnx", "unfused"];

function formsOf({ kind }: LayerShape): [LayerForm, DeviceProfile][] {
  if (kind === "convolution")
    return [
      ["direct", CPU_PROFILE],
      ["winograd", { ...CPU_PROFILE, winograd: EVERYWHERE }],
    ];
  return ATTENTION.map((form) => [form, { ...CPU_PROFILE, selfAttention: form, crossAttention: form }]);
}

function layerTrace(shape: LayerShape, weights: WeightView, profile: DeviceProfile): GraphTrace {
  const graph = new GraphBuilder(profile, weights);
  graph.output("y", shape.kind === "convolution" ? convolution(graph, shape) : attended(graph, shape));
  return graph.trace("layer");
}

/** Activations lie as they do within a network: channels last. */
function convolution(graph: GraphBuilder, { batch, height, width, inputs, outputs }: ConvShape): Value {
  const value = graph.input("x", "float32", [batch * height * width, inputs]);
  return conv2d(new Scope(graph), { value, batch, height, width, channels: inputs }, outputs).value;
}

function attended(graph: GraphBuilder, { batch, queries, keys, width, heads }: AttentionShape): Value {
  const tokens = (name: string, length: number) => ({
    value: graph.input(name, "float32", [batch * length, width]),
    ...{ batch, length, width },
  });
  const inputs = { query: tokens("query", queries), key: tokens("key", keys), value: tokens("value", keys) };
  return attention(inputs, { heads }).value;
}

function inputsOf(shape: LayerShape): Record<string, Tensor> {
  if (shape.kind === "convolution") return { x: waves(shape.batch * shape.height * shape.width, shape.inputs) };
  const { batch, queries, keys, width } = shape;
  const [query, key, value] = [queries, keys, keys].map((length) => waves(batch * length, width));
  return { query: query!, key: key!, value: value! };
}

/** Values of about unit deviation. */
function waves(rows: number, columns: number): Tensor {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => 1.4 * Math.sin(12.9898 * i));
  return new Tensor("float32", values, [rows, columns]);
}

/** The first round warms up. */
async function timeInTurn(sessions: FormSession[], feeds: Record<string, Tensor>, repeats: number): Promise<FormTimes> {
  const times = new Map<LayerForm, number[]>(sessions.map(({ form }) => [form, []]));
  for (let round = 0; round <= repeats; round++) {
    for (const { form, session } of sessions) {
      const start = performance.now();
      await session.run(feeds);
      if (round > 0) times.get(form)!.push(performance.now() - start);
    }
  }
  return Object.fromEntries([...times].map(([form, values]) => [form, median(values)]));
}
