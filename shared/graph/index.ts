export { GraphBuilder, type GraphTrace, type Value } from "./builder.js";
export { type Dim, product } from "./dim.js";
export {
  foldedConstants,
  graphMemory,
  takenBytes,
  takenInt8Bytes,
} from "./graph-memory.js";
export { requireKnownWeights } from "./known-weights.js";
export { type AttentionOptions, attention } from "./layers/attention.js";
export { prependToken, splitFirstToken } from "./layers/class-token.js";
export { inComputeType } from "./layers/compute-type.js";
export { addToChannels, averageOverPixels, conv2d, upsampleConv2d } from "./layers/conv.js";
export {
  add,
  concatChannels,
  type FeatureMap,
  fromNchw,
  fromTokens,
  mapOf,
  silu,
  type Tokens,
  tokensOf,
  toNchw,
  toTokens,
} from "./layers/feature-map.js";
export { denseRows, linear, linearParts } from "./layers/linear.js";
export { groupNorm, layerNorm } from "./layers/norm.js";
export { enlarge, relu, resizeBilinear } from "./layers/resample.js";
export { maxPoolHalf, standardizedConv2d } from "./layers/same-padding.js";
export { attendInSlices } from "./layers/sliced-attention.js";
export {
  type ConfiguredNetwork,
  defineNetwork,
  type Network,
  type Sizes,
} from "./network.js";
export { type Dtype, encodeModel, type GraphPort } from "./onnx.js";
export {
  addValues,
  cast,
  concat,
  cos,
  expand,
  gather,
  gatherAxis,
  gelu,
  layerNormalization,
  matmul,
  mul,
  quickGelu,
  reshape,
  resize,
  siluValues,
  sin,
  slice,
  transpose,
} from "./ops.js";
export {
  handedMap,
  handedTensor,
  type MapPort,
  optionalMap,
  type Port,
  pictureMap,
  picturePort,
  type ReplacingPort,
  tensorPort,
  type ZeroTensor,
} from "./ports.js";
export {
  type AttentionForm,
  CPU_INT8_PROFILE,
  CPU_PREPARED_PROFILE,
  CPU_PROFILE,
  type DeviceProfile,
  NCHW_FLOAT16_PROFILE,
  NCHW_PROFILE,
} from "./profile.js";
export { Scope } from "./scope.js";
