/** Tensors in a device's memory. Nothing frees them but `dispose`: they are invisible to the garbage collector. */
import type { Tensors } from "./device-session.js";

/** Frees those of the tensors that lie on the device; others are the garbage collector's. */
export function disposeOnDevice(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) {
    if (tensor.location === "gpu-buffer") tensor.dispose();
  }
}
