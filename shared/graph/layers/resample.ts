/** Layers that change a feature map's size other than by a plain convolution. */
import type { Dim } from "../dim.js";
import { convTranspose, relu as reluValue, resize } from "../ops.js";
import type { Scope } from "../scope.js";
import { type FeatureMap, fromNchw, mapOf, toNchw } from "./feature-map.js";

/** Bilinear resizing to a given size; `align_corners` keeps the corner pixels in place, as PyTorch's option of that name. */
export function resizeBilinear(
  x: FeatureMap,
  height: Dim,
  width: Dim,
  coordinates: "align_corners" | "half_pixel",
): FeatureMap {
  return fromNchw(resize(toNchw(x), height, width, { mode: "linear", coordinates }));
}

/** A transposed convolution whose stride is its kernel: (B, C, H, W) → (B, out, factor*H, factor*W). */
export function enlarge(g: Scope, x: FeatureMap, out: number, factor: number): FeatureMap {
  const weight = g.weight("weight", [x.channels, out, factor, factor]);
  return fromNchw(convTranspose(toNchw(x), weight, g.weight("bias", [out])));
}

export function relu(x: FeatureMap): FeatureMap {
  return mapOf(x, reluValue(x.value));
}
