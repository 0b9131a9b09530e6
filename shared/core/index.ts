export { AppError, type ErrorOf, type FieldIssue, registerErrors } from "./app-error.js";
export { builtFile, ROOT } from "./built-file.js";
export { ByteBudget, type Reservation } from "./byte-budget.js";
export { gigabytes, megabytes } from "./byte-size.js";
export { type Clock, systemClock } from "./clock.js";
export { hasCpuQuota, memoryLimit, usableCpus } from "./cpu-quota.js";
export {
  BudgetFull,
  Cancelled,
  CORE_ERRORS,
  type CoreError,
  DeviceLost,
  DeviceUnavailable,
  Draining,
  ImageTooLarge,
  InvalidConfig,
  InvalidModel,
  InvalidRequest,
  NotFinite,
  NotFound,
  OutOfMemory,
  OverBudget,
} from "./errors.js";
export { allFinite } from "./finite.js";
export { floatToHalf, halfToFloat } from "./half.js";
export { type Inflight, inflight } from "./inflight.js";
export { nearest } from "./nearest.js";
export { printable } from "./printable.js";
export { TorchGenerator } from "./torch-generator.js";
export { unlessAborted } from "./unless-aborted.js";
export { isVanished, unlessVanished, unlessVanishedSync } from "./vanished.js";
export { fromWireError, toWireError, type WireError } from "./wire-error.js";
