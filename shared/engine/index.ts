export { type Allowance, loadingAllowance } from "./awaited.js";
export type { EngineLog, EngineState } from "./engine-options.js";
export { type Engine, startEngine } from "./engine-process.js";
export { engineEnvironment } from "./environment.js";
export { ENGINE_ERRORS, EngineCrashed, type EngineError, EngineUnavailable } from "./errors.js";
export type { Allow } from "./pending-call.js";
export type { EngineCall } from "./protocol.js";
export { type CallContext, serveEngine } from "./serve-engine.js";
