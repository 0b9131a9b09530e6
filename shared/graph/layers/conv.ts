/** Convolutions over feature maps, and what goes with them: enlargement, values per channel, averages. */
import type { Value } from "../builder.js";
import { type Dim, product, typicalSize } from "../dim.js";
import { addValues, conv, convolvedSize, expand, reduceMean, reshape, resize, transpose } from "../ops.js";
import { PROFILE } from "../profile.js";
import type { Scope } from "../scope.js";
import { type FeatureMap, mapOf, toNchw } from "./feature-map.js";
import { int8Conv, wantsInt8, worthInt8 } from "./int8.js";
import { dense } from "./linear.js";
import type { Size } from "./pixel-tables.js";
import { winogradConv } from "./winograd.js";

interface Conv2dOptions {
  kernel?: number;
  stride?: number;
  /** Zeros at [top, left, bottom, right]; default: half the kernel on every side. */
  padding?: readonly [number, number, number, number];
  bias?: boolean;
}

/** A convolution (B, C, H, W) → (B, out, H', W'), 3x3 and stride 1 unless said. */
export function conv2d(g: Scope, x: FeatureMap, out: number, options: Conv2dOptions = {}): FeatureMap {
  const { kernel = 3, stride = 1, bias = true } = options;
  const half = Math.floor(kernel / 2);
  const padding = options.padding ?? [half, half, half, half];
  const weight = g.weight("weight", [out, x.channels, kernel, kernel]);
  const offset = bias ? g.weight("bias", [out]) : undefined;
  if (kernel === 1 && stride === 1 && g.graph[PROFILE].layout === "rows") {
    return mapOf(x, dense(x.value, flatten(weight), offset), { channels: out });
  }
  if (kernel === 3 && stride === 1 && !options.padding && worthInt8(weight)) {
    return mapOf(x, int8Conv(x, weight, offset, x), { channels: out });
  }
  if (kernel === 3 && stride === 1 && !options.padding && winogradPays(x, out, x)) {
    return mapOf(x, plusBias(winogradConv(x, weight, x), offset), { channels: out });
  }
  const y = conv(toNchw(x), weight, offset, { stride, padding });
  const height = convolvedSize(x.height, kernel, stride, padding[0] + padding[2]);
  const width = convolvedSize(x.width, kernel, stride, padding[1] + padding[3]);
  return laidOut(y, { ...x, channels: out, height, width });
}

/** Nearest-neighbour enlargement to `size`, at most twice as large, then a 3x3 convolution (B, C, H, W) → (B, out, H', W'). */
export function upsampleConv2d(g: Scope, x: FeatureMap, out: number, size: Size): FeatureMap {
  if (!wantsInt8(g.graph, Math.min(x.channels, out)) && !winogradPays(x, out, size))
    return conv2d(g, upsampleNearest(x, size.height, size.width), out);
  const weight = g.weight("weight", [out, x.channels, 3, 3]);
  const bias = g.weight("bias", [out]);
  const value = worthInt8(weight) ? int8Conv(x, weight, bias, size) : plusBias(winogradConv(x, weight, size), bias);
  return { ...x, height: size.height, width: size.width, channels: out, value };
}

function winogradPays(x: FeatureMap, out: number, { height, width }: Size): boolean {
  const { [PROFILE]: profile, typicalSide } = x.value.graph;
  const rule = profile.winograd;
  if (!rule) return false;
  const side = Math.min(typicalSize(height, typicalSide), typicalSize(width, typicalSide));
  return side >= rule.minSide && side <= rule.maxSide && Math.min(x.channels, out) >= rule.minChannels;
}

function plusBias(rows: Value, bias: Value | undefined): Value {
  return bias ? addValues(rows, bias) : rows;
}

/** Adds one value per channel, [1, C], to every pixel. */
export function addToChannels(x: FeatureMap, rows: Value): FeatureMap {
  const value = x.value.graph[PROFILE].layout === "rows" ? rows : reshape(rows, [-1, x.channels, 1, 1]);
  return mapOf(x, addValues(x.value, value));
}

/** Nearest-neighbour enlargement to the given size, which is at most twice as large. */
function upsampleNearest(x: FeatureMap, height: Dim, width: Dim): FeatureMap {
  const y = resize(toNchw(x), height, width, { mode: "nearest", coordinates: "asymmetric" });
  return laidOut(y, { ...x, height, width });
}

/** A convolution's weight [out, in, 1, 1] as a matrix. */
function flatten(weight: Value): Value {
  const [out, channels] = weight.shape as [number, number];
  return reshape(weight, [out, channels]);
}

/** A tensor [B, C, H, W] back in the profile's layout. */
function laidOut(nchw: Value, map: FeatureMap): FeatureMap {
  if (nchw.graph[PROFILE].layout === "nchw") return { ...map, value: nchw };
  const { batch, channels, height, width } = map;
  const rows = reshape(transpose(nchw, [0, 2, 3, 1]), [product(batch, height, width), channels]);
  return { ...map, value: rows };
}

/** Gives every pixel the average of all. */
export function averageOverPixels(x: FeatureMap): FeatureMap {
  const { batch, channels, height, width, value } = x;
  const pixels = product(height, width);
  if (value.graph[PROFILE].layout === "nchw") {
    const mean = reduceMean(reshape(value, [batch, channels, pixels]), 2); // [B, C, 1]
    return mapOf(x, reshape(expand(mean, [batch, channels, pixels]), value.shape));
  }
  const mean = reduceMean(reshape(value, [batch, pixels, channels]), 1); // [B, 1, C]
  return mapOf(x, reshape(expand(mean, [batch, pixels, channels]), value.shape));
}
