/**
 * A thread of an engine process that tells the parent once a second that the process runs, and how much it has worked. The main
 * thread cannot: a call of the runtime holds it for as long as the network takes. While it has no call it must answer this
 * thread, which else beats no more: an idle process whose main thread is held takes no call either.
 */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { HEARTBEAT_FD, heartbeatLine } from "./heartbeat.js";

const BEAT_MS = 1000;
/** Beats that a main thread without a call may leave unanswered. */
const MOST_UNANSWERED = 5;

const busy: Int32Array = workerData;
let unanswered = 0;

function beat(): void {
  if (isHeld()) return;
  const { userCPUTime, systemCPUTime, majorPageFault, fsRead, fsWrite } = process.resourceUsage(); // of the whole process
  const sign = { cpuMs: (userCPUTime + systemCPUTime) / 1000, transfers: majorPageFault + fsRead + fsWrite };
  try {
    writeSync(HEARTBEAT_FD, heartbeatLine(sign));
  } catch {
    clearInterval(timer); // the parent is gone, and the main thread is about to notice
  }
}

/** Asks the main thread, unless it has a call; says whether it has been asked in vain for too long. */
function isHeld(): boolean {
  if (Atomics.load(busy, 0) === 1) unanswered = 0;
  else {
    parentPort?.postMessage(null);
    unanswered++;
  }
  return unanswered > MOST_UNANSWERED;
}

parentPort?.on("message", () => {
  unanswered = 0;
});
const timer = setInterval(beat, BEAT_MS);
beat();
