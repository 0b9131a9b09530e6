/** One life of an engine process: forked, spoken with, ended. Restarts are the supervisor's. */

import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { engineEnvironment } from "./environment.js";
import { HEARTBEAT_FD, readHeartbeat, type VitalSign } from "./heartbeat.js";
import type { FromEngine, ToEngine } from "./protocol.js";

/** A process whose channel is closed ends by itself at its next turn of the event loop; after this it is killed. */
const END_GRACE_MS = 2000;

const SIGNAL_HINTS: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: "perhaps out of memory",
  SIGABRT: "perhaps a failed allocation or a failed check in native code",
  SIGSEGV: "a fault in native code",
};

interface ChildOptions {
  /** The module to run; it must call `serveEngine`. */
  entry: URL;
  /** Variables beside those that every engine gets. */
  env?: Record<string, string> | undefined;
  /** Options of the runtime, such as `--max-old-space-size=512`. */
  execArgv?: string[] | undefined;
  onMessage: (message: FromEngine) => void;
  onHeartbeat: (sign: VitalSign) => void;
  onLine: (stream: "stdout" | "stderr", text: string) => void;
  /** Called once, after the last message. */
  onEnd: (reason: string) => void;
}

export interface Child {
  readonly pid: number | undefined;
  /** Throws a DataCloneError for what cannot be cloned; does nothing if the process is gone, for then `onEnd` follows. */
  send(message: ToEngine): void;
  /** Asks the process to end, and kills it if it does not. */
  end(): void;
  /** Kills at once; `reason` becomes that of `onEnd`. */
  kill(reason: string): void;
}

/** Starts an engine process. Its output is handed on line by line. */
export function forkChild({ entry, env, execArgv = [], ...on }: ChildOptions): Child {
  const forked = fork(entry, [], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc", "pipe"],
    env: engineEnvironment(process.env, env),
    execArgv,
  });
  let killedBecause: string | undefined;
  forked.on("message", (message) => on.onMessage(message as FromEngine));
  readLines(forked.stdout, (text) => on.onLine("stdout", text));
  readLines(forked.stderr, (text) => on.onLine("stderr", text));
  readLines(forked.stdio[HEARTBEAT_FD] as Readable | null, (text) => {
    const sign = readHeartbeat(text);
    if (sign) on.onHeartbeat(sign);
  });
  whenEnded(forked, (reason) => on.onEnd(killedBecause ?? reason));

  return {
    pid: forked.pid,
    send(message) {
      if (forked.connected) forked.send(message, () => {}); // a failed write is followed by the end of the process
    },
    end() {
      if (forked.connected) forked.disconnect();
    },
    kill(reason) {
      killedBecause ??= reason;
      forked.kill("SIGKILL");
    },
  };
}

/** Messages may still be in the channel when the process has exited, so its end is where both have. */
function whenEnded(forked: ChildProcess, onEnd: (reason: string) => void): void {
  let exit: string | undefined;
  let disconnected = false;
  let timer: NodeJS.Timeout | undefined;

  forked.once("exit", (code, signal) => {
    clearTimeout(timer);
    exit = describeExit(code, signal);
    if (disconnected) onEnd(exit);
  });
  forked.once("disconnect", () => {
    disconnected = true;
    if (exit !== undefined) onEnd(exit);
    else timer = setTimeout(() => forked.kill("SIGKILL"), END_GRACE_MS);
  });
  forked.on("error", (error) => {
    if (forked.pid === undefined && exit === undefined) {
      exit = `could not be started: ${error.message}`;
      onEnd(exit);
    }
  });
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  if (!signal) return `ended with exit code ${code}`;
  const hint = SIGNAL_HINTS[signal];
  return `killed by ${signal}${hint ? `: ${hint}` : ""}`;
}

/** Streams are missing if the process could not be started. */
function readLines(stream: Readable | null | undefined, onLine: (text: string) => void): void {
  if (stream) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", onLine);
}
