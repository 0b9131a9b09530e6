export { type ChooseDeviceOptions, chooseDevice } from "./choose-device.js";
export { deviceIdentity } from "./device-identity.js";
export { DeviceLosses } from "./device-losses.js";
export {
  type DeviceMemory,
  MEMORY_VARIABLE,
  type MemorySettings,
  memoryReader,
  type ReadMemory,
} from "./device-memory.js";
export { DEVICE_FORMS, describeForms } from "./device-profiles.js";
export { deviceReport } from "./device-report.js";
export type { DeviceChoice } from "./self-check.js";
