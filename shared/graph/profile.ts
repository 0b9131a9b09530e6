/** What a device wants of a graph. Layers read it; networks never see it. */
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
};

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
