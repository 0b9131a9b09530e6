export { configField, type FoundFolders, findFolders, isFolder } from "./find-folders.js";
export { type LeftOut, orInvalidModel, readUsable, type Usable } from "./left-out.js";
export { lfsPointerAt, lfsPointerText, MAX_POINTER_BYTES } from "./lfs-pointer.js";
export { ModelConfig } from "./model-config.js";
export { openModelFolder, openWeights, shardsOf } from "./model-folder.js";
export {
  readSafetensorsHeader,
  type SafetensorsDtype,
} from "./safetensors.js";
export { readTensors } from "./safetensors-data.js";
export { readSmallFile, readSmallFileIfThere, TABLE_BYTES } from "./small-file.js";
export { chooseWeights, isPickle, looksLikeWeights, WEIGHT_FORMS, weightsExpected } from "./weight-files.js";
export {
  filesOf,
  float32Bytes,
  noWeights,
  rowsOf,
  type WeightPlace,
  type WeightView,
  weightView,
} from "./weight-view.js";
