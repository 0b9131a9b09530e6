/**
 * What goes into a network. Tensors of the caller are float32 or whole numbers and lie as anybody would expect; those that another
 * network gives are in the device's own type and layout, which a network that hands them on never sees.
 */
import type { GraphBuilder, Value } from "./builder.js";
import { type Dim, product } from "./dim.js";
import { type FeatureMap, fromNchw, mapOf } from "./layers/feature-map.js";
import type { Dtype } from "./onnx.js";
import { addValues, reshape } from "./ops.js";
import { type DeviceProfile, PROFILE } from "./profile.js";

/** One tensor that a network takes; `T` is what its layers work with. */
export interface Port<T> {
  /** The sizes that a tensor tells which is fed to it; undefined: the layout is the device's own, and tells none. */
  shape?: readonly Dim[];
  declare(graph: GraphBuilder, name: string): T;
  /** Zeros that stand for a tensor which the caller does not give; undefined: it must. */
  neutral?(profile: DeviceProfile): ZeroTensor;
}

export interface ZeroTensor {
  dtype: DeviceProfile["compute"];
  shape: readonly number[];
}

/** A tensor of the caller. */
export function tensorPort(dtype: Dtype, shape: readonly Dim[]): Port<Value> {
  return { shape, declare: (graph, name) => graph.input(name, dtype, shape) };
}

/** A picture or latents [B, C, H, W] of the caller, as a feature map. */
export function picturePort(shape: readonly [Dim, number, Dim, Dim]): Port<FeatureMap> {
  return { shape, declare: (graph, name) => fromNchw(graph.input(name, "float32", shape)) };
}

/** A tensor of another network. */
export function handedTensor(shape: readonly Dim[]): Port<Value> {
  return { shape, declare: (graph, name) => graph.input(name, graph[PROFILE].compute, shape) };
}

/** How a feature map goes from one network to another. */
interface HandedPort extends Port<Value> {
  /** What the giving network puts out. */
  give(map: FeatureMap): Value;
}

/** A map that takes the place of one of the taking network's own. */
export interface ReplacingPort extends HandedPort {
  /** The given map, of the size of `like`. */
  inPlaceOf(like: FeatureMap, given: Value): FeatureMap;
}

/** A map that is added to one of the taking network's own. */
export interface MapPort extends HandedPort {
  addTo(map: FeatureMap, given: Value): FeatureMap;
}

/** A feature map of another network, of the same batch. */
export function handedMap([batch, channels, height, width]: readonly [Dim, number, Dim, Dim]): ReplacingPort {
  return {
    declare(graph, name) {
      const { layout, compute } = graph[PROFILE];
      const rows = [product(batch, height, width), channels];
      return graph.input(name, compute, layout === "rows" ? rows : [batch, channels, height, width]);
    },
    give: ({ value }) => value,
    inPlaceOf: (like, given) => mapOf(like, given),
  };
}

/** A feature map that is added to one of this network's own. Without one, a zero per channel is added. */
export function optionalMap(channels: number): MapPort {
  return {
    // every size but the channels may be 1
    declare(graph, name) {
      const { layout, compute } = graph[PROFILE];
      const rows = [`${name}_rows?`, channels];
      const nchw = [`${name}_batch?`, channels, `${name}_height?`, `${name}_width?`];
      return graph.input(name, compute, layout === "rows" ? rows : nchw);
    },
    neutral: ({ compute, layout }) => ({
      dtype: compute,
      shape: layout === "rows" ? [1, channels] : [1, channels, 1, 1],
    }),
    give: ({ value }) => value,
    addTo: (map, given) => mapOf(map, addValues(map.value, given)),
  };
}

/** A feature map that is added to one of this network's own: one for each picture of the batch, or one for all. */
export function pictureMap([channels, height, width]: readonly [number, Dim, Dim]): MapPort {
  return {
    declare(graph, name) {
      const { layout, compute } = graph[PROFILE];
      const pixels = layout === "rows" ? [product(height, width), channels] : [channels, height, width];
      return graph.input(name, compute, [`${name}_batch?`, ...pixels]);
    },
    give: (map) => perPicture(map),
    addTo: (map, given) => mapOf(map, reshape(addValues(perPicture(map), given), map.value.shape)),
  };
}

/** Rows with an axis of their own for the pictures: [B, H*W, C]; channels first have one already. */
function perPicture({ value, batch, channels, height, width }: FeatureMap): Value {
  if (value.graph[PROFILE].layout === "nchw") return value;
  return reshape(value, [batch, product(height, width), channels]);
}
