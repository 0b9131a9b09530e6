/** What each kind of device starts from, before its checks have said what more it can do. */
import { type DeviceProfile, NCHW_PROFILE } from "@armature/graph";
import type { DeviceName } from "@armature/runtime";

/** WebGPU promises bindings of 128 MiB; above a device's limit the runtime splits tensors, and gives wrong numbers on some. */
const PROMISED_TENSOR_BYTES = 120 * 2 ** 20;

interface DeviceForms {
  /** The plainest form: float32, nothing fused. If it computes wrongly, the device is of no use. */
  plain: DeviceProfile;
  /** Whether the VAE may go to float16 if its block proves itself there. WebGPU sums float16 in float16. */
  halfVae: boolean;
  /** Peak bytes that the device holds per byte of live tensors: docs/memory.md has the measurement. */
  heldPerLive: number;
}

export const DEVICE_FORMS: Record<Exclude<DeviceName, "cpu">, DeviceForms> = {
  webgpu: {
    // The runtime has kernels of Sin and Cos for WebGPU up to operator set 21.
    plain: { ...NCHW_PROFILE, name: "webgpu", opset: 21, maxTensorBytes: PROMISED_TENSOR_BYTES },
    halfVae: false,
    heldPerLive: 2, // WebGPU rounds the sizes of buffers, and keeps each for the next tensor that fits
  },
  cuda: {
    plain: { ...NCHW_PROFILE, name: "cuda", maxTensorBytes: 8 * PROMISED_TENSOR_BYTES },
    halfVae: true,
    heldPerLive: 1, // not measured
  },
};

/** The forms of a profile in words, such as `float16, fused attention`. */
export function describeForms({ compute, selfAttention, crossAttention, maxTensorBytes }: DeviceProfile): string {
  const attention =
    selfAttention === crossAttention
      ? `${selfAttention} attention`
      : `${selfAttention} self-attention, ${crossAttention} cross-attention`;
  const limit = maxTensorBytes === undefined ? "" : `, tensors up to ${Math.floor(maxTensorBytes / 2 ** 20)} MiB`;
  return `${compute}, ${attention}${limit}`;
}
