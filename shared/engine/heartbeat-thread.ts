/**
 * A thread of an engine process that tells the parent once a second that the process runs, and how much it has worked. The main
 * thread cannot: a call of the runtime holds it for as long as the network takes. While it has no call it must answer this
 * thread, which else beats no more: an idle process whose main thread is held takes no call either.
 */
import { readFileSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { HEARTBEAT_FD, heartbeatLine } from "./heartbeat.js";

const BEAT_MS = 1000;
/** Beats that a main thread without a call may leave unanswered. */
const MOST_UNANSWERED = 5;

const busy: Int32Array = workerData;
let unanswered = 0;

function beat(): void {
  if (isHeld()) return;
  const { userCPUTime, systemCPUTime, majorPageFault } = process.resourceUsage(); // of the whole process
  const cpuMs = (userCPUTime + systemCPUTime) / 1000;
  const sign = { cpuMs, waitedMs: waitedMs(), transfers: majorPageFault + pagesMoved() };
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

/** The second number of schedstat, in nanoseconds (Linux, Documentation/scheduler/sched-stats.rst); 0 on a system that has none. */
function waitedMs(): number {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

const PAGE_BYTES = 4096;

/** Pages read and written by calls, of any file system and from its cache too (Linux, proc_pid_io(5)); elsewhere those of disks. */
function pagesMoved(): number {
  try {
    const [, read, written] = /^rchar: (\d+)\nwchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))!;
    return Math.floor((Number(read) + Number(written)) / PAGE_BYTES);
  } catch {
    const { fsRead, fsWrite } = process.resourceUsage();
    return fsRead + fsWrite;
  }
}

parentPort?.on("message", () => {
  unanswered = 0;
});
const timer = setInterval(beat, BEAT_MS);
beat();
