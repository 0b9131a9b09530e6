/**
 * Under this key a graph keeps its profile. The face of this package does not export it: layers read the profile, networks cannot.
 */
export const PROFILE = Symbol("device profile");

/** What a device wants of a graph. */
export interface DeviceProfile {
  name: string;
  /** The type that layers compute in; inputs and outputs of a graph stay float32. */
  compute: "float32" | "float16";
  /** `rows`: a feature map is `[B*H*W, C]`, so that linear layers, 1x1 convolutions and attention need no transposes. */
  layout: "rows" | "nchw";
  /** The form of attention where one query token sees all key tokens. */
  selfAttention: AttentionForm;
  /** The form where the keys are few (the prompt), and for causal attention. */
  crossAttention: AttentionForm;
  groupNorm: "rows" | "instance";
  /** The largest tensor that a node may give, in bytes: unfused attention is cut into slices below it, and a graph above it is refused. */
  maxTensorBytes?: number;
  /**
   * Tables of which a run reads few rows keep the type of their file. Otherwise they are widened to the compute type at load: a
   * GPU without float16 has no kernel that reads it.
   */
  storedTables?: boolean;
  /** Version of the ai.onnx operators, where the newest has operators without a kernel on the device. */
  opset?: number;
  /** Sizes that are known when a graph is written, by symbol, such as `{ B: 2, H: 64 }`: then it computes no shape when it runs. */
  sizes?: Readonly<Record<string, number>>;
  /** Where 3x3 convolutions take Winograd's form; undefined: nowhere. Only for `rows`. */
  winograd?: WinogradRule;
  /** Least number of inputs and of outputs of a layer that multiplies in 8 bits, with one scale per channel of its weights; undefined: none does. */
  int8MinChannels?: number;
}

/** Sizes are those of the graph's typical picture, such as 512x512 pixels: the graph serves any. */
interface WinogradRule {
  /** The shorter side of the convolution's output, in pixels. */
  minSide: number;
  maxSide: number;
  /** Few channels leave too little arithmetic to save. */
  minChannels: number;
}

/**
 * `fused`: com.microsoft.MultiHeadAttention (flash attention on CPU and CUDA); `onnx`: ai.onnx Attention (opset 23);
 * `unfused`: MatMul, Softmax, MatMul, right on every device.
 */
export type AttentionForm = "fused" | "onnx" | "unfused";

/** Measured in docs/performance.md: the fused form wins on long sequences, ai.onnx's on the 77 keys of a prompt. */
export const CPU_PROFILE: DeviceProfile = {
  name: "cpu",
  compute: "float32",
  layout: "rows",
  selfAttention: "fused",
  crossAttention: "onnx",
  groupNorm: "rows",
  storedTables: true,
};

/**
 * With weights that were prepared ahead: transformed kernels take four times the memory, so only the sides where that buys
 * the most, and at load they would cost more seconds than one picture saves.
 */
export const CPU_PREPARED_PROFILE: DeviceProfile = {
  ...CPU_PROFILE,
  name: "cpu-prepared",
  winograd: { minSide: 32, maxSide: 256, minChannels: 32 },
};

/** Opt-in: a third of the time and of the memory, at an error of a few percent. Only for UNet and ControlNet. */
export const CPU_INT8_PROFILE: DeviceProfile = { ...CPU_PROFILE, name: "cpu-int8", int8MinChannels: 64 };

/** The layout of GPUs in float32: every operator in it has a kernel on WebGPU. */
export const NCHW_PROFILE: DeviceProfile = {
  name: "nchw",
  compute: "float32",
  layout: "nchw",
  selfAttention: "unfused",
  crossAttention: "unfused",
  groupNorm: "instance",
};

export const NCHW_FLOAT16_PROFILE: DeviceProfile = { ...NCHW_PROFILE, name: "nchw-float16", compute: "float16" };
