import { DeviceLost, DeviceUnavailable } from "@armature/core";
import { expect, test } from "vitest";
import { toDeviceError } from "./device-error.js";

/** Texts as onnxruntime 1.30 and its providers give them. */
test.each([
  ["webgpu", "webgpu_context.cc:136 ... Failed to get a WebGPU adapter: No supported adapters", "no graphics driver"],
  ["cuda", "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library", "CUDA provider"],
  [
    "cuda",
    "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
    "older than the provider's CUDA",
  ],
] as const)("%s: %s is a missing device, told in one line", (device, text, meaning) => {
  const error = toDeviceError(new Error(text), device) as Error;
  expect(error).toBeInstanceOf(DeviceUnavailable);
  expect(error.message).toContain(meaning);
  expect(error.message).not.toContain("\n");
});

test.each([
  ["webgpu", "WebGPU device lost (1): VK_ERROR_DEVICE_LOST"],
  ["webgpu", "Buffer allocation failed: VK_ERROR_OUT_OF_DEVICE_MEMORY"],
  ["cuda", "CUDA failure 700: an illegal memory access was encountered"],
  ["cuda", "Failed to allocate memory for requested buffer of size 2147483648"],
] as const)("%s: %s is a lost device", (device, text) => {
  expect(toDeviceError(new Error(`${text}\nmore`), device)).toBeInstanceOf(DeviceLost);
});

test("any other error, and every error of the CPU, stays what it is", () => {
  const wrongShape = new Error("Got invalid dimensions for input: sample");
  expect(toDeviceError(wrongShape, "webgpu")).toBe(wrongShape);
  const allocation = new Error("Failed to allocate memory");
  expect(toDeviceError(allocation, "cpu")).toBe(allocation);
});
