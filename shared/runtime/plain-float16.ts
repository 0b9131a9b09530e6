/**
 * Newer Node versions have a global Float16Array, and onnxruntime then wraps float16 results in one, which its own binding reads
 * as empty when the tensor goes into another session (microsoft/onnxruntime issue 26791). Without the global, float16 stays
 * Uint16Array on every version. To be imported before the first tensor is made, in engine processes and tests only.
 */
Reflect.deleteProperty(globalThis, "Float16Array");
