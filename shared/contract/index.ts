export { type ControlImageKind, controlImageKind, controlTypeOf, defaultProcessor } from "./control-types.js";
export type { DeviceInfo, DeviceMemoryInfo } from "./device.js";
export { type ControlNetsResponse, controlNetsResponse, type ModelsResponse, modelsResponse } from "./models.js";
export { controlNetName, modelId, name, schedulerName } from "./names.js";
export { DEFAULT_JPEG_QUALITY, OUTPUT_FORMATS, type OutputFormat, output } from "./output.js";
export { inField, jsonPointer, parse } from "./parse.js";
export { PRECISIONS, type Precision } from "./precision.js";
export { type ProblemMessage, problem } from "./problem.js";
export { imageRequest, type ProcessorsResponse, processorsResponse } from "./processors.js";
