/** The layers of a network that have more than one form: each shape once, with what the profile's tables choose for it. */
import {
  type AttentionForm,
  type ConfiguredNetwork,
  CPU_PREPARED_PROFILE,
  CPU_PROFILE,
  type DeviceProfile,
  type GraphTrace,
  type Sizes,
} from "@armature/graph";
import { noWeights, type WeightView } from "@armature/weights";

export interface ConvShape {
  kind: "convolution";
  batch: number;
  height: number;
  width: number;
  /** Channels in and out. */
  inputs: number;
  outputs: number;
}

export interface AttentionShape {
  kind: "attention";
  batch: number;
  queries: number;
  keys: number;
  width: number;
  heads: number;
}

export type LayerShape = ConvShape | AttentionShape;

export type LayerForm = "winograd" | "direct" | AttentionForm;

export interface TunedLayer {
  shape: LayerShape;
  /** How many layers of the network have it. */
  count: number;
  chosen: LayerForm;
}

/** A network's graph, which is written without its weights. */
type TracedNetwork = Pick<ConfiguredNetwork, "trace">;

/** The network at the sizes given for its symbols, such as `{ B: 2, H: 64, W: 64, S: 77, T: 4096 }`. */
export function tunedLayers(network: TracedNetwork, sizes: Sizes): TunedLayer[] {
  const direct = trace(network, { ...CPU_PROFILE, sizes });
  // The tables know the sizes of a typical picture, also where other sizes are timed: the choice is that of a graph for any size.
  const prepared = convolvedWeights(trace(network, CPU_PREPARED_PROFILE));
  const layers = direct.nodes.flatMap((node): Omit<TunedLayer, "count">[] => {
    const shapes = node.inputs.map((name) => direct.values.get(name)?.shape as number[]);
    if (node.op === "Conv") {
      const shape = convShape(shapes[0]!, shapes[1]!, node.attributes.strides as number[]);
      return shape ? [{ shape, chosen: prepared.has(node.inputs[1]!) ? "direct" : "winograd" }] : [];
    }
    const form = ATTENTION_FORMS[node.op];
    if (!form) return [];
    const heads = (node.attributes.num_heads ?? node.attributes.q_num_heads) as number;
    return [{ shape: attentionShape(shapes[0]!, shapes[1]!, heads), chosen: form }];
  });
  return counted(layers);
}

const ATTENTION_FORMS: Record<string, AttentionForm> = { MultiHeadAttention: "fused", Attention: "onnx" };

/** 3x3 convolutions of stride 1 alone have another form. */
function convShape(
  [batch, inputs, height, width]: number[],
  [outputs, , kernel]: number[],
  strides: number[],
): ConvShape | undefined {
  if (kernel !== 3 || strides[0] !== 1) return undefined;
  return { kind: "convolution", batch: batch!, height: height!, width: width!, inputs: inputs!, outputs: outputs! };
}

function attentionShape([batch, queries, width]: number[], [, keys]: number[], heads: number): AttentionShape {
  return { kind: "attention", batch: batch!, queries: queries!, keys: keys!, width: width!, heads };
}

/** Names of the weights that Conv nodes take. */
function convolvedWeights({ nodes }: GraphTrace): Set<string> {
  return new Set(nodes.filter(({ op }) => op === "Conv").map(({ inputs }) => inputs[1]!));
}

function trace(network: TracedNetwork, profile: DeviceProfile): GraphTrace {
  // float32, so that no cast stands between a weight and its layer
  const supply: WeightView["supply"] = (_key, shape) => {
    return { file: "shapes", dtype: "F32", shape: [...shape], offset: 0, length: 0 };
  };
  return network.trace({ ...noWeights("shapes"), supply }, profile);
}

function counted(layers: Omit<TunedLayer, "count">[]): TunedLayer[] {
  const found = new Map<string, TunedLayer>();
  for (const layer of layers) {
    const key = JSON.stringify(layer);
    const known = found.get(key);
    if (known) known.count++;
    else found.set(key, { ...layer, count: 1 });
  }
  return [...found.values()];
}
