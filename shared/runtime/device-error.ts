/** What a runtime's error text says about its device. */
import { AppError, DeviceLost, DeviceUnavailable } from "@armature/core";
import type { DeviceName } from "./device-name.js";

/** The device or what drives it is not there. A missing device is no surprise that needs a trace. */
const MISSING = [
  {
    text: /Failed to get a WebGPU (adapter|device)|No supported adapters/i,
    meaning: "no graphics driver offers an adapter (on Linux: the Vulkan loader and the vendor's driver)",
  },
  {
    text: /Failed to load shared library|libonnxruntime_providers_\w+\.so/i,
    meaning:
      "the runtime's CUDA provider or a library it needs is not installed; npm run install-cuda fetches it, and lists what it lacks",
  },
  {
    text: /CUDA driver version is insufficient/i,
    meaning: "its driver is older than the provider's CUDA wants; npm run install-cuda -- --check says which it wants",
  },
  { text: /no CUDA-capable device/i, meaning: "the driver sees no CUDA-capable card" },
];

/** The device was there, and cannot be trusted any more: only a new process gets a new one. */
const LOST = [
  /device (was |is )?lost/i,
  /DEVICE_LOST/,
  /CUDA(_ERROR| error| failure)/i,
  /CU(BLAS|DNN)\w* (error|failure)/i,
  /out of (device )?memory/i,
  /OUT_OF_(DEVICE|HOST)_MEMORY/,
  /Failed to allocate memory/i,
];

/** The error as DeviceUnavailable or DeviceLost where its text says so; else as it is. */
export function toDeviceError(error: unknown, device: DeviceName): unknown {
  if (device === "cpu" || error instanceof AppError || !(error instanceof Error)) return error;
  const { message } = error;
  const missing = MISSING.find(({ text }) => text.test(message));
  if (missing) return new DeviceUnavailable(`There is no ${device} device: ${missing.meaning}`);
  if (LOST.some((pattern) => pattern.test(message))) {
    return new DeviceLost(`The ${device} device was lost: ${firstLine(message)}`, { cause: error });
  }
  return error;
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0]!.trim().slice(0, 300);
}
