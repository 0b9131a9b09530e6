import { CPU_INT8_PROFILE } from "@armature/graph";
import type { SafetensorsHeader } from "@armature/weights";

/** What the weights of a UNet or ControlNet take in memory where its large layers are in 8 bits. */
export function int8Bytes({ tensors }: Pick<SafetensorsHeader, "tensors">): number {
  let bytes = 0;
  for (const [key, { shape }] of tensors) {
    bytes += shape.reduce((product, size) => product * size, isInEightBits(key, shape) ? 1 : 4);
  }
  return bytes;
}

/** The rule of the layers, by the names of the official files: wide enough, and neither strided nor once a request. */
function isInEightBits(key: string, [out = 0, inputs = 0]: readonly number[]): boolean {
  const { int8MinChannels = Number.POSITIVE_INFINITY } = CPU_INT8_PROFILE;
  return Math.min(out, inputs) >= int8MinChannels && !/\.downsamplers\.|^controlnet_cond_embedding\./.test(key);
}
