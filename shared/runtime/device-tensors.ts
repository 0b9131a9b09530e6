/** Tensors in a device's memory. Nothing frees them but `dispose`: they are invisible to the garbage collector. */
import type { Tensor } from "onnxruntime-node";

/** What goes into a session and comes out of it, by name. */
export type Tensors = Record<string, Tensor>;

/** Tensors that this process keeps on its device. */
let live = 0;

/** How many results lie on the device and wait to be freed. */
export function liveDeviceTensors(): number {
  return live;
}

/** Counts those of a run's results that stay on the device. */
export function countOnDevice(results: Tensors): void {
  for (const tensor of Object.values(results)) {
    if (tensor.location === "gpu-buffer") live += 1;
  }
}

/** Frees those of the tensors that lie on the device; others are the garbage collector's. */
export function disposeOnDevice(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) {
    if (tensor.location !== "gpu-buffer") continue;
    tensor.dispose();
    live -= 1;
  }
}
