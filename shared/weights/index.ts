export { ModelConfig } from "./model-config.js";
export { float32Bytes, openModelFolder } from "./model-folder.js";
export {
  readSafetensorsHeader,
  type SafetensorsDtype,
  type SafetensorsHeader,
  type TensorLocation,
} from "./safetensors.js";
export { readTensors } from "./safetensors-data.js";
