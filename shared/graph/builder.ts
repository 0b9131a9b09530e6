/** The graph under construction: nodes, weights, constants and the run-time value of every symbolic size. */
import type { WeightView } from "@armature/weights";
import { bindDim, type Dim } from "./dim.js";
import { GraphWeights, type RowRange } from "./graph-weights.js";
import {
  type Attribute,
  type Dtype,
  dataType,
  encodeModel,
  type Graph,
  type GraphPort,
  type Initializer,
  NEWEST_OPSET,
  type Node,
} from "./onnx.js";
import { type DeviceProfile, PROFILE } from "./profile.js";
import { SizeValues } from "./size-values.js";
import { requireTensorFits } from "./tensor-limit.js";

/** A tensor in the graph: an input, a weight, a constant or the result of a node. */
export interface Value {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly Dim[];
  readonly graph: GraphBuilder;
}

/** A graph as it was built: nodes in their order, and the type and shape of every tensor by name. */
export interface GraphTrace extends Graph {
  values: ReadonlyMap<string, Pick<Value, "dtype" | "shape">>;
  /** Keys of the weights that the graph takes. */
  weightKeys: ReadonlySet<string>;
  /** What those that could be in 8 bits would save of float32, whether or not they are. */
  int8SavedBytes: number;
}

interface NodeOptions {
  domain?: string;
  attributes?: Record<string, Attribute | undefined>;
}

/** Give a weight another type or order. */
const ALONE = new Set(["Cast", "Transpose"]);

/** Side of a network's map where the network does not say: that of the latents of a picture of 512x512 pixels. */
export const TYPICAL_SIDE = 64;

export class GraphBuilder {
  readonly [PROFILE]: DeviceProfile;
  private readonly nodes: Node[] = [];
  private readonly initializers: Initializer[] = [];
  private readonly inputs: GraphPort[] = [];
  private readonly outputs: GraphPort[] = [];
  private readonly constants = new Map<string, Value>();
  private readonly sizes = new SizeValues<Value>({
    constant: (value) => this.ints([value]),
    read: (input, axis) => this.node("Shape", [input], "int64", [1], { attributes: { start: axis, end: axis + 1 } }),
    compute: (op, left, right) => this.node(op, [left, right], "int64", [1]),
  });
  private readonly weights: GraphWeights;
  /** Weights, and what is made of one alone. */
  private readonly loaded = new Set<string>();
  private int8SavedBytes = 0;
  private readonly values = new Map<string, Value>();
  private counter = 0;

  /** `typicalSide`: what a symbolic side, `H` or `W`, is in a typical picture; layers choose their form by it. */
  constructor(
    profile: DeviceProfile,
    weights: WeightView,
    readonly typicalSide = TYPICAL_SIDE,
  ) {
    this[PROFILE] = profile;
    this.weights = new GraphWeights(weights);
  }

  /** Declares an input; a symbolic size that appears here for the first time is read from it when the graph needs it. */
  input(name: string, dtype: Dtype, shape: readonly Dim[]): Value {
    const bound = shape.map((dim) => bindDim(dim, this[PROFILE].sizes ?? {}));
    this.inputs.push({ name, dtype, shape: bound });
    const value = this.value(name, dtype, bound);
    for (const [axis, dim] of bound.entries()) {
      if (typeof dim === "string") this.sizes.learn(dim, value, axis);
    }
    return value;
  }

  /** Declares an output under a name of its own. */
  output(name: string, value: Value): void {
    this.push("Identity", [value], [name]);
    this.outputs.push({ name, dtype: value.dtype, shape: value.shape });
  }

  /** Adds a node with one output of the given type and shape. */
  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    dtype: Dtype,
    shape: readonly Dim[],
    options: NodeOptions = {},
  ): Value {
    return this.nodeWithOutputs(op, inputs, [{ dtype, shape }], options)[0]!;
  }

  /** Adds a node with several outputs. */
  nodeWithOutputs(
    op: string,
    inputs: readonly (Value | undefined)[],
    results: readonly { dtype: Dtype; shape: readonly Dim[] }[],
    options: NodeOptions = {},
  ): Value[] {
    const outputs = results.map(({ dtype, shape }) => this.value(this.fresh(op), dtype, shape));
    // what the runtime makes of a weight alone is there before any run; devices read it in parts
    if (ALONE.has(op) && this.loaded.has(inputs[0]!.name)) for (const output of outputs) this.loaded.add(output.name);
    else for (const output of outputs) requireTensorFits(output, this[PROFILE].maxTensorBytes);
    this.push(
      op,
      inputs,
      outputs.map((output) => output.name),
      options,
    );
    return outputs;
  }

  /** A weight, as a pointer into its file, cast to the compute type where the file holds another. */
  weight(key: string, shape: readonly number[], rows?: RowRange): Value {
    return this.cast(this.storedWeight(key, shape, rows), this[PROFILE].compute);
  }

  /** A weight of which few rows are used, in the type that the profile wants of such. */
  table(key: string, shape: readonly number[]): Value {
    return this[PROFILE].storedTables ? this.storedWeight(key, shape) : this.weight(key, shape);
  }

  /** A weight in the type that the file holds: for what the runtime computes of it alone, once, when it loads the graph. */
  storedWeight(key: string, shape: readonly number[], rows?: RowRange): Value {
    const { initializer, transposed } = this.weights.take(key, shape, rows);
    this.initializers.push(initializer);
    this.loaded.add(initializer.name);
    const stored = this.value(initializer.name, initializer.dtype, initializer.shape);
    if (!transposed) return stored;
    return this.node("Transpose", [stored], stored.dtype, stored.shape.toReversed(), { attributes: { perm: [1, 0] } });
  }

  /** Notes that a layer could take a weight in 8 bits, and the bytes that this would save. */
  noteInt8(savedBytes: number): void {
    this.int8SavedBytes += savedBytes;
  }

  hasWeight(key: string): boolean {
    return this.weights.has(key);
  }

  /** A constant in the compute type of the profile, or in the type named. */
  floats(
    values: readonly number[],
    shape: readonly number[],
    dtype: "float32" | "float16" = this[PROFILE].compute,
  ): Value {
    const constant = this.constant("float32", new Uint8Array(Float32Array.from(values).buffer), shape);
    return this.cast(constant, dtype);
  }

  ints(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    return this.constant("int64", new Uint8Array(BigInt64Array.from(values, BigInt).buffer), shape);
  }

  cast(value: Value, dtype: Dtype): Value {
    if (value.dtype === dtype) return value;
    return this.node("Cast", [value], dtype, value.shape, { attributes: { to: dataType(dtype) } });
  }

  /** A one-dimensional int64 tensor that holds the given sizes when the graph runs. */
  shape(dims: readonly Dim[]): Value {
    if (dims.every((dim) => typeof dim === "number")) return this.ints(dims);
    const key = dims.join(",");
    const known = this.constants.get(`shape ${key}`);
    if (known) return known;
    const parts = dims.map((dim) => this.size(dim));
    const value =
      parts.length === 1 ? parts[0]! : this.node("Concat", parts, "int64", [dims.length], { attributes: { axis: 0 } });
    this.constants.set(`shape ${key}`, value);
    return value;
  }

  /** The value that `make` gives, made once for each key: for tables that many layers share. */
  once(key: string, make: () => Value): Value {
    const known = this.constants.get(key);
    if (known) return known;
    const value = make();
    this.constants.set(key, value);
    return value;
  }

  /** One size, as an int64 tensor of one element. */
  size(dim: Dim): Value {
    return this.sizes.of(dim);
  }

  /** The model's bytes. */
  build(name: string): Uint8Array {
    return encodeModel(this.trace(name));
  }

  /** The graph as it was built so far. */
  trace(name: string): GraphTrace {
    const { nodes, initializers, inputs, outputs, values, int8SavedBytes } = this;
    const { opset = NEWEST_OPSET } = this[PROFILE];
    return { name, nodes, initializers, inputs, outputs, opset, values, weightKeys: this.weights.keys, int8SavedBytes };
  }

  private constant(dtype: Dtype, data: Uint8Array, shape: readonly number[]): Value {
    const key = `${dtype} ${shape} ${Buffer.from(data).toString("base64")}`;
    const known = this.constants.get(key);
    if (known) return known;
    const value = this.value(this.fresh("constant"), dtype, shape);
    this.initializers.push({ name: value.name, dtype, shape, data });
    this.constants.set(key, value);
    return value;
  }

  private push(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly string[],
    options: NodeOptions = {},
  ) {
    const attributes = Object.fromEntries(
      Object.entries(options.attributes ?? {}).filter((entry): entry is [string, Attribute] => entry[1] !== undefined),
    );
    this.nodes.push({
      op,
      domain: options.domain ?? "",
      name: outputs[0] ?? op,
      inputs: given(inputs).map((input) => input?.name ?? ""),
      outputs,
      attributes,
    });
  }

  private value(name: string, dtype: Dtype, shape: readonly Dim[]): Value {
    const value = { name, dtype, shape, graph: this };
    this.values.set(name, value);
    return value;
  }

  private fresh(op: string): string {
    return `${op}_${this.counter++}`;
  }
}

/**
 * Without the optional inputs at the end that are left out: WebGPU's Conv takes a bias that is named, though by an empty name, for
 * one that is there, and the process dies.
 */
function given(inputs: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  return inputs.slice(0, inputs.findLastIndex((input) => input !== undefined) + 1);
}
