/** A process that runs checks: one that hangs or crashes takes this process with it, and nothing else. */
import { type EngineCall, serveEngine } from "@armature/engine";
import { measureSpeed, type Speed, type SpeedRequest } from "./measure-speed.js";
import { type CheckRequest, type CheckResult, runCheck } from "./run-check.js";

export interface CheckCalls {
  check: EngineCall<CheckRequest, CheckResult>;
  speed: EngineCall<SpeedRequest, Speed>;
}

serveEngine<CheckCalls>(async () => ({ check: (request) => runCheck(request), speed: measureSpeed }));
