export { accessOptions } from "./access-settings.js";
export {
  count,
  deviceOptions,
  deviceSettings,
  listenSettings,
  type MachineConfig,
  MODELS_DIR,
  machineDefaults,
  machineSettings,
  PRIVATE_SOURCES,
  preparedSettings,
} from "./common-settings.js";
export { pictureSteps, waitingLimits } from "./job-limits.js";
export {
  decodingNeeds,
  type PictureReference,
  pictureReference,
  referencedPicture,
  roomForPixels,
} from "./job-pictures.js";
export { runService } from "./run-service.js";
export { chooseServedDevice, describeDevice } from "./served-device.js";
export { engineMetrics, engineObstacle, type ServedEngine } from "./served-engine.js";
export { warmUp } from "./warm-up.js";
