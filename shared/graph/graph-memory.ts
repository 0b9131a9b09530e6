/** What a graph takes when it is loaded and when it runs, from its shapes alone. */
import type { GraphTrace, Value } from "./builder.js";
import type { Dtype, Node } from "./onnx.js";

export interface GraphMemory {
  /** What stays after constants are folded: a weight that is cast counts in the type it is cast to. */
  weightBytes: number;
  /** The largest sum of live tensors, inputs and outputs included. */
  peakBytes: number;
  /** The node that runs then. */
  peakNode: string;
}

export interface GraphMemoryOptions {
  /** Inputs of an open size (`…?`): as large as the tensor they are added to, or one number a channel. */
  openInputs: "whole" | "single";
}

const ELEMENT_BYTES: Record<Dtype, number> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Operators that give their input another shape, not another place. */
const VIEWS = new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze", "Flatten"]);

/**
 * Walks the nodes in the order they were built. A tensor lives from its node to its last use; inputs and outputs live throughout
 * the run, for the caller holds them. Nothing is computed in place. Throws for a size that has no number.
 */
export function graphMemory(trace: GraphTrace, { openInputs }: GraphMemoryOptions): GraphMemory {
  const constants = foldedConstants(trace);
  const places = placesOf(trace.nodes);
  const weightBytes = constantBytes(trace, constants, places);
  const lastUse = lastUses(trace, places, constants);
  let live = sum(trace.inputs.map(({ name }) => inputBytes(trace, name, openInputs)));
  const peak = { peakBytes: live, peakNode: "" };
  for (const [at, { name, inputs, outputs }] of trace.nodes.entries()) {
    if (constants.has(name)) continue;
    const fresh = outputs.filter((output) => !places.has(output));
    live += sum(fresh.map((output) => bytesOf(trace, output)));
    if (live > peak.peakBytes) Object.assign(peak, { peakBytes: live, peakNode: name });
    const read = new Set([...inputs.map((input) => places.get(input) ?? input), ...fresh]);
    live -= sum([...read].filter((place) => lastUse.get(place) === at).map((place) => bytesOf(trace, place)));
  }
  return { weightBytes, ...peak };
}

/** What the tensors that a graph takes of its files are in float32, in bytes. */
export function takenBytes({ initializers }: Pick<GraphTrace, "initializers">): number {
  return initializers
    .filter(({ data }) => !(data instanceof Uint8Array))
    .reduce((total, { shape }) => total + shape.reduce((product, size) => product * size, 4), 0);
}

/** Bytes that the weights of a graph take if all that can be are in 8 bits. */
export function takenInt8Bytes(trace: Pick<GraphTrace, "initializers" | "int8SavedBytes">): number {
  return takenBytes(trace) - trace.int8SavedBytes;
}

/** Names of tensors that the runtime knows before any input: they are computed at load. */
export function foldedConstants({ nodes, initializers }: Pick<GraphTrace, "nodes" | "initializers">): Set<string> {
  const constants = new Set(initializers.map(({ name }) => name));
  for (const { inputs, outputs } of nodes) {
    const known = inputs.every((input) => input === "" || constants.has(input));
    if (known && inputs.length > 0) for (const output of outputs) constants.add(output);
  }
  return constants;
}

/** The tensor whose memory each view shows, by the name of the view. */
function placesOf(nodes: readonly Node[]): Map<string, string> {
  const places = new Map<string, string>();
  for (const { op, inputs, outputs } of nodes) {
    if (VIEWS.has(op)) places.set(outputs[0]!, places.get(inputs[0]!) ?? inputs[0]!);
  }
  return places;
}

/** The last node that reads each computed tensor, or makes it if none does. Inputs, outputs and constants have none. */
function lastUses(trace: GraphTrace, places: Map<string, string>, constants: Set<string>): Map<string, number> {
  const uses = new Map<string, number>();
  for (const [at, { inputs, outputs }] of trace.nodes.entries()) {
    for (const name of [...inputs, ...outputs]) uses.set(places.get(name) ?? name, at);
  }
  for (const { name } of [...trace.inputs, ...trace.outputs]) uses.delete(places.get(name) ?? name);
  for (const name of ["", ...constants]) uses.delete(name); // an input left out is written as ""
  return uses;
}

/** Constants that a node which is not one reads, each place once. */
function constantBytes(trace: GraphTrace, constants: Set<string>, places: Map<string, string>): number {
  const read = new Set<string>();
  for (const { name, inputs } of trace.nodes) {
    if (constants.has(name)) continue;
    for (const input of inputs) if (constants.has(input)) read.add(places.get(input) ?? input);
  }
  return sum([...read].map((name) => bytesOf(trace, name)));
}

function inputBytes(trace: GraphTrace, name: string, openInputs: GraphMemoryOptions["openInputs"]): number {
  const { dtype, shape } = tensorOf(trace, name);
  if (!shape.some(isOpen)) return bytesOf(trace, name);
  const reader = trace.nodes.find(({ inputs }) => inputs.includes(name));
  if (openInputs === "whole" && reader) return bytesOf(trace, reader.outputs[0]!);
  return bytes(
    name,
    dtype,
    shape.filter((dim) => !isOpen(dim)),
  );
}

function isOpen(dim: Value["shape"][number]): boolean {
  return typeof dim === "string" && dim.endsWith("?");
}

function bytesOf(trace: GraphTrace, name: string): number {
  const { dtype, shape } = tensorOf(trace, name);
  return bytes(name, dtype, shape);
}

function bytes(name: string, dtype: Dtype, shape: Value["shape"]): number {
  return shape.reduce<number>((total, dim) => {
    if (typeof dim === "string") throw new Error(`${name} [${shape.join(", ")}]: ${dim} has no number`);
    return total * dim;
  }, ELEMENT_BYTES[dtype]);
}

function tensorOf({ values }: GraphTrace, name: string) {
  const value = values.get(name);
  if (!value) throw new Error(`the graph has no tensor ${name}`);
  return value;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
