/** Made-up values for the tensors that a network takes: neither time nor memory depends on values. */
import type { ConfiguredNetwork, DeviceProfile, GraphPort } from "@armature/graph";
import type { Tensors } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";

/**
 * Completes the given tensors of a call by all others that the network requires, at the profile's sizes. A tensor is made when a call
 * first lacks it.
 */
export function completeFeeds(network: ConfiguredNetwork, profile: DeviceProfile): (given: Tensors) => Tensors {
  const neutral = network.neutral(profile);
  const wanted = network.declaredInputs(profile).filter(({ name }) => !(name in neutral));
  const filled: Tensors = {};
  return (given) => {
    for (const input of wanted) if (!(input.name in given)) filled[input.name] ??= madeTensor(input);
    return { ...filled, ...given };
  };
}

/** Takes 1 for a size that may be 1. Throws where a size is unknown. */
function madeTensor({ name, dtype, shape }: GraphPort): Tensor {
  const dims = shape.map((dim) => (typeof dim === "string" && dim.endsWith("?") ? 1 : Number(dim)));
  if (dims.some(Number.isNaN)) throw new Error(`${name} [${shape.join(", ")}]: no size was given for all of it`);
  const count = dims.reduce((product, size) => product * size, 1);
  switch (dtype) {
    case "float32":
      return new Tensor("float32", waves(count), dims);
    case "int32":
      return new Tensor("int32", Int32Array.from(places(count, dims)), dims);
    case "int64":
      return new Tensor("int64", BigInt64Array.from(places(count, dims), BigInt), dims);
    default:
      throw new Error(`${name}: a CPU is not fed ${dtype}`);
  }
}

/** Values of about unit deviation. */
export function waves(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 1.4 * Math.sin(12.9898 * i));
}

/** 0, 1, 2, ... along the last axis: tokens of a vocabulary, or places of tokens. */
function places(count: number, dims: readonly number[]): number[] {
  return Array.from({ length: count }, (_, i) => i % (dims.at(-1) ?? 1));
}
