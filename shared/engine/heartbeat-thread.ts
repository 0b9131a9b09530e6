/**
 * A thread of an engine process that tells the parent once a second that the process runs, and how much it has worked. The main
 * thread cannot: a call of the runtime holds it for as long as the network takes.
 */
import { writeSync } from "node:fs";
import { HEARTBEAT_FD, heartbeatLine } from "./heartbeat.js";

const BEAT_MS = 1000;

function beat(): void {
  const { userCPUTime, systemCPUTime, majorPageFault, fsRead, fsWrite } = process.resourceUsage(); // of the whole process
  const sign = { cpuMs: (userCPUTime + systemCPUTime) / 1000, transfers: majorPageFault + fsRead + fsWrite };
  try {
    writeSync(HEARTBEAT_FD, heartbeatLine(sign));
  } catch {
    clearInterval(timer); // the parent is gone, and the main thread is about to notice
  }
}

const timer = setInterval(beat, BEAT_MS);
beat();
