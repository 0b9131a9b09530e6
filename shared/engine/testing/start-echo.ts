/** Starts the echo engine for tests. */
import { builtFile } from "@armature/core";
import { afterEach } from "vitest";
import type { EngineLog, EngineOptions, EngineState } from "../engine-options.js";
import { type Engine, startEngine } from "../engine-process.js";
import type { EngineCall } from "../protocol.js";

interface EchoCalls {
  echo: EngineCall;
  held: EngineCall<Float32Array, number>;
  count: EngineCall<{ steps: number; stepMs: number }, number, number>;
  ignoreCancel: EngineCall<{ ms: number }, string>;
  stall: EngineCall<null, void, number>;
  compute: EngineCall<{ ms: number }, void>;
  hang: EngineCall<null, never>;
  trickle: EngineCall<null, never>;
  hangLater: EngineCall<null, void>;
  dieOnce: EngineCall<{ event: string; file: string }, string, string>;
  fail: EngineCall<{ how: string }, never>;
  exit: EngineCall<{ code: number }, never>;
  disconnect: EngineCall<null, never>;
  throwLater: EngineCall<null, void>;
  uncloneable: EngineCall<null, unknown>;
  print: EngineCall<{ out: string; err: string }, void>;
  describe: EngineCall<null, EchoDescription>;
}

interface EchoDescription {
  pid: number;
  env: Record<string, string>;
  execArgv: string[];
  settings: unknown;
  listeners: number;
}

interface EchoSettings {
  /** A file without which setup fails. */
  needs?: string;
  /** Waits for ever, with the event loop free or not. */
  setup?: "sleeps" | "blocks";
}

/** What echo-engine.mjs runs on. */
builtFile("shared/engine/dist/serve-engine.js");

const started: Engine<EchoCalls>[] = [];
afterEach(() => Promise.all(started.splice(0).map((engine) => engine.stop({ graceMs: 0 }))));

/** An echo engine that restarts quickly, with all that it logged and all states it went through; stopped after the test. */
export function startEcho({ limits, settings = {}, ...options }: Partial<EngineOptions<EchoSettings>> = {}) {
  const logs: EngineLog[] = [];
  const states: EngineState[] = [];
  const engine = startEngine<EchoCalls, EchoSettings>({
    entry: new URL("echo-engine.mjs", import.meta.url),
    settings,
    name: "echo",
    log: (entry) => logs.push(entry),
    onState: (state) => states.push(state),
    limits: { restartDelayMs: 10, ...limits },
    ...options,
  });
  started.push(engine);
  return { engine, logs, states };
}
