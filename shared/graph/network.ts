/** A network as a value: everything that is known of it, once. Graphs, sizes, memory and sessions are derived from it. */
import { type ModelConfig, noWeights, type WeightView } from "@armature/weights";
import { GraphBuilder, type GraphTrace, TYPICAL_SIDE, type Value } from "./builder.js";
import { type Dim, parseDim } from "./dim.js";
import { encodeModel, type GraphPort } from "./onnx.js";
import type { Port, ZeroTensor } from "./ports.js";
import type { DeviceProfile } from "./profile.js";
import { Scope } from "./scope.js";

/** Ports by name: each is a tensor of that name, or several tensors under names of their own. */
export type Ports = Readonly<Record<string, Port<unknown> | Readonly<Record<string, Port<unknown>>>>>;

/** What the layers get of the ports. */
type PortValues<P extends Ports> = {
  [K in keyof P]: P[K] extends Port<infer T> ? T : { [N in keyof P[K]]: P[K][N] extends Port<infer T> ? T : never };
};

interface NetworkDefinition<Config, P extends Ports> {
  /** Name of the graph, also in keys and messages. */
  name: string;
  /** Name in reports, where it is another: `ControlNet`. */
  label?: string;
  /** config.json as the network's own config. Throws InvalidModel by name for what is not supported. */
  read(config: ModelConfig): Config;
  inputs(config: Config): P;
  /** Taker of the results: the caller, or other networks on the same device, where the results stay. */
  outputs: "caller" | "device";
  /** Gives the outputs by name; a generator's are declared as they come. */
  write(g: Scope, inputs: PortValues<P>, config: Config): Readonly<Record<string, Value>> | Iterable<[string, Value]>;
  /** Keys that official checkpoints have and official loaders leave unused too. */
  ignore?: readonly RegExp[];
  /** What fewer digits do to it: `int8`: its large layers may multiply in 8 bits; `float32`: some devices' float16 may not do. */
  digits?: "int8" | "float32";
  /** Side of its map in a typical picture, by which layers choose their form; undefined: 64, latents of 512x512 pixels. */
  typicalSide?(config: Config): number;
}

/** A network that knows no model yet. */
export interface Network<Config = unknown> extends NetworkFacts {
  read(config: ModelConfig): Config;
  configured(config: Config): ConfiguredNetwork;
  /** `configured` with what `read` gives. */
  open(config: ModelConfig): ConfiguredNetwork;
}

interface NetworkFacts {
  name: string;
  label: string;
  outputs: "caller" | "device";
  digits: "int8" | "float32" | undefined;
  ignore: readonly RegExp[];
}

/** Tensors of a call, as far as their sizes go. */
type FedShapes = Readonly<Record<string, { dims: readonly number[] }>>;

/** Sizes by the symbols of a graph, such as `{ B: 2, H: 64 }`. */
export type Sizes = Readonly<Record<string, number>>;

/** A network of one model: all of its shapes are known but those that a request decides. */
export interface ConfiguredNetwork extends NetworkFacts {
  /** Names of the tensors that it takes. */
  inputNames: readonly string[];
  /** The tensors that it takes in a device's form, at the profile's sizes; a size whose symbol ends in `?` may be 1. */
  declaredInputs(profile: DeviceProfile): readonly GraphPort[];
  /** Side of its map in a typical picture, by which layers choose their form. */
  typicalSide: number;
  /** The sizes of a call, by symbol. Throws where two tensors contradict each other. */
  sizesOf(feeds: FedShapes): Sizes;
  /** The sizes that this network uses, out of `sizes`. Throws by name where one is missing. */
  ownSizes(sizes: Sizes): Sizes;
  /** What stands for the tensors that a caller need not give. */
  neutral(profile: DeviceProfile): Readonly<Record<string, ZeroTensor>>;
  /** The graph over these weights; its bytes are an ONNX model. */
  write(weights: WeightView, profile: DeviceProfile): Uint8Array;
  trace(weights: WeightView, profile: DeviceProfile): GraphTrace;
}

export function defineNetwork<Config, const P extends Ports>(
  definition: NetworkDefinition<Config, P>,
): Network<Config> {
  const { name, label = name, outputs, digits, ignore = [], read } = definition;
  const facts = { name, label, outputs, digits, ignore };
  const configured = (config: Config): ConfiguredNetwork => {
    const ports = flatPorts(definition.inputs(config));
    const trace = (weights: WeightView, profile: DeviceProfile) => build(definition, config, weights, profile);
    return {
      ...facts,
      inputNames: [...ports.keys()],
      declaredInputs: (profile) => declaredInputs(ports, profile, name),
      typicalSide: definition.typicalSide?.(config) ?? TYPICAL_SIDE,
      sizesOf: (feeds) => solveSizes(ports, feeds, name),
      ownSizes: (sizes) => pickSizes(symbolsOf(ports), sizes, name),
      neutral: (profile) => neutralTensors(ports, profile),
      trace,
      write: (weights, profile) => encodeModel(trace(weights, profile)),
    };
  };
  return { ...facts, read, configured, open: (config) => configured(read(config)) };
}

function build<Config, P extends Ports>(
  { name, inputs, write, typicalSide }: NetworkDefinition<Config, P>,
  config: Config,
  weights: WeightView,
  profile: DeviceProfile,
): GraphTrace {
  const graph = new GraphBuilder(profile, weights, typicalSide?.(config));
  const outputs = write(new Scope(graph), declare(graph, inputs(config)), config);
  const entries = Symbol.iterator in outputs ? (outputs as Iterable<[string, Value]>) : Object.entries(outputs);
  for (const [output, value] of entries) graph.output(output, value);
  return graph.trace(name);
}

function declare<P extends Ports>(graph: GraphBuilder, ports: P): PortValues<P> {
  const declared = Object.entries(ports).map(([name, port]) => {
    if (isPort(port)) return [name, port.declare(graph, name)];
    return [name, Object.fromEntries(Object.entries(port).map(([own, one]) => [own, one.declare(graph, own)]))];
  });
  return Object.fromEntries(declared) as PortValues<P>;
}

/** The inputs that the ports declare, read from a graph without layers. */
function declaredInputs(ports: Map<string, Port<unknown>>, profile: DeviceProfile, network: string) {
  const graph = new GraphBuilder(profile, noWeights(network));
  for (const [name, port] of ports) port.declare(graph, name);
  return graph.trace(network).inputs;
}

function flatPorts(ports: Ports): Map<string, Port<unknown>> {
  return new Map(
    Object.entries(ports).flatMap(([name, port]) => (isPort(port) ? [[name, port] as const] : Object.entries(port))),
  );
}

function isPort(port: Ports[string]): port is Port<unknown> {
  return typeof port.declare === "function";
}

/** The symbol of a size that alone tells it, such as `8*H`; undefined where it takes more than one to know. */
function soleSymbol(dim: Dim): { symbol: string; times: number } | undefined {
  if (typeof dim === "number") return undefined;
  const { coefficient, factors } = parseDim(dim);
  return factors.length === 1 ? { symbol: factors[0]!, times: coefficient } : undefined;
}

function symbolsOf(ports: Map<string, Port<unknown>>): string[] {
  const dims = [...ports.values()].flatMap(({ shape = [] }) => shape);
  return [...new Set(dims.flatMap((dim) => soleSymbol(dim)?.symbol ?? []))];
}

function solveSizes(ports: Map<string, Port<unknown>>, feeds: FedShapes, network: string): Sizes {
  const sizes: Record<string, number> = {};
  for (const [name, { shape = [] }] of ports) {
    const { dims } = feeds[name] ?? {};
    if (!dims) continue;
    for (const [axis, dim] of shape.entries()) {
      const found = soleSymbol(dim);
      if (!found) continue;
      const { symbol, times } = found;
      const size = dims[axis]! / times;
      const known = sizes[symbol] ?? size;
      sizes[symbol] = known;
      if (known === size) continue;
      throw new Error(`${network}: ${name} [${dims}] was expected to be [${shape}], where ${symbol} is ${known}`);
    }
  }
  return sizes;
}

function pickSizes(symbols: readonly string[], sizes: Sizes, network: string): Sizes {
  const missing = symbols.find((symbol) => sizes[symbol] === undefined);
  if (missing !== undefined) throw new Error(`${network}: no size was given for ${missing}`);
  return Object.fromEntries(symbols.map((symbol) => [symbol, sizes[symbol]!]));
}

function neutralTensors(ports: Map<string, Port<unknown>>, profile: DeviceProfile) {
  const entries = [...ports].flatMap(([name, { neutral }]) => (neutral ? [[name, neutral(profile)] as const] : []));
  return Object.fromEntries(entries);
}
