/** What a check of a device is: small graphs by the layers that networks use, and what they must give, computed here. */
import { cast, type DeviceProfile, type FeatureMap, GraphBuilder, type Value } from "@armature/graph";
import { noWeights } from "@armature/weights";
import { SeededScope, type SeededValues } from "./seeded-scope.js";

/** One graph with its feeds and its answer. */
export interface CheckCase {
  label: string;
  model: Uint8Array;
  feeds: Record<string, { data: Float32Array; shape: readonly number[] }>;
  expected: Float32Array | Float64Array;
}

/** Puts something after a graph's result. Tests put in what makes it wrong. */
export type Finish = (result: Value) => Value;

/** Builds a check's cases in the forms of a profile, one after the other: a wrong one ends the check. */
export type Check = (profile: DeviceProfile, finish: Finish) => Iterable<CheckCase>;

interface CaseDescription {
  label: string;
  /** Values of the inputs, by name, and their sizes. */
  inputs: Record<string, { data: Float32Array; shape: readonly number[] }>;
  values: SeededValues;
  graph: (g: SeededScope, inputs: Record<string, Value>) => Value;
  expected: Float32Array | Float64Array;
}

/** Writes one case's graph: inputs and result are float32, and between them it computes as the profile says. */
export function writeCase(
  { label, inputs, values, graph, expected }: CaseDescription,
  profile: DeviceProfile,
  finish: Finish,
): CheckCase {
  const builder = new GraphBuilder(profile, noWeights(`the check "${label}"`));
  const entries = Object.entries(inputs).map(([name, { shape }]) => {
    return [name, cast(builder.input(name, "float32", shape), profile.compute)] as const;
  });
  const result = graph(new SeededScope(builder, values), Object.fromEntries(entries));
  builder.output("result", cast(finish(result), "float32"));
  return { label, model: builder.build(label), feeds: inputs, expected };
}

/** A tensor [1, C, H, W] as a feature map; checks run in NCHW, the layout of GPUs. */
export function mapOfInput(value: Value): FeatureMap {
  const [batch, channels, height, width] = value.shape as [number, number, number, number];
  return { value, batch, channels, height, width };
}
