/** The largest tensor that a device computes with. */
import { OutOfMemory } from "@armature/core";
import type { Dim } from "./dim.js";
import type { Dtype } from "./onnx.js";

interface SizedTensor {
  name: string;
  dtype: Dtype;
  shape: readonly Dim[];
}

/** Throws OutOfMemory for a tensor of known size above the limit: there a device may give wrong numbers without an error. */
export function requireTensorFits({ name, dtype, shape }: SizedTensor, maxBytes = Number.POSITIVE_INFINITY): void {
  if (!shape.every((dim) => typeof dim === "number")) return;
  const bytes = shape.reduce((total, dim) => total * dim, dtype === "float16" ? 2 : 4);
  if (bytes <= maxBytes) return;
  const [needed, limit] = [bytes, maxBytes].map((count) => `${(count / 2 ** 20).toFixed(0)} MiB`);
  throw new OutOfMemory(
    `${name} [${shape.join(", ")}] takes ${needed}, and this device computes with tensors up to ${limit}. Ask for a smaller picture`,
  );
}
