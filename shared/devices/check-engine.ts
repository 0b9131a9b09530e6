/** A process that runs checks: one that hangs or crashes takes this process with it, and nothing else. */
import { type JobKind, serveEngine } from "@armature/engine";
import { measureSpeed, type Speed, type SpeedRequest } from "./measure-speed.js";
import { type CheckRequest, type CheckResult, runCheck } from "./run-check.js";

export interface CheckJobs {
  check: JobKind<CheckRequest, CheckResult>;
  speed: JobKind<SpeedRequest, Speed>;
}

serveEngine<CheckJobs>(async () => ({ check: (request) => runCheck(request), speed: measureSpeed }));
