/** The engine as the HTTP process sees it: calls go in, and what is loaded is known without asking. */

import { DeviceLosses } from "@armature/devices";
import { type Engine, type EngineLog, type EngineState, startEngine } from "@armature/engine";
import type { ResidentStatus } from "@armature/runtime";
import type { AnnotateOutcome, AnnotatePayload, EngineSettings, PreprocessorCalls } from "./calls.js";

/** The engine of the service's own processors. */
const ENGINE_MAIN = new URL("./engine-main.js", import.meta.url);

interface PreprocessorEngineOptions {
  /** The module of the engine process; default: the one of the service's own processors. */
  entry?: URL | undefined;
  settings: EngineSettings;
  /** A call that shows no progress for this long is taken for hung, and its process is ended. */
  maxJobMs: number;
  log: (entry: EngineLog) => void;
}

export class PreprocessorEngine {
  private readonly engine: Engine<PreprocessorCalls>;
  private residents: readonly ResidentStatus[] = [];
  /** Undefined on the CPU, which is not lost: a crash there is the call's own. */
  private readonly losses: DeviceLosses | undefined;

  constructor({ entry = ENGINE_MAIN, settings, maxJobMs, log }: PreprocessorEngineOptions) {
    const onDevice = (settings.device.name ?? "cpu") !== "cpu";
    this.losses = onDevice ? new DeviceLosses((reason) => this.engine.restart(reason)) : undefined;
    this.engine = startEngine<PreprocessorCalls, EngineSettings>({
      entry,
      name: "preprocessor",
      settings,
      log,
      limits: { stallTimeoutMs: maxJobMs },
      onState: ({ status }) => {
        if (status === "restarting" || status === "failed") this.residents = []; // gone with the process
      },
    });
  }

  annotate(payload: AnnotatePayload, signal: AbortSignal): Promise<AnnotateOutcome> {
    const run = () => this.engine.run("annotate", payload, { signal, onProgress: (loaded) => this.note(loaded) });
    return this.losses ? this.losses.run(run) : run();
  }

  /** Loads the networks of a processor before they are asked for. */
  warm(processor: string): Promise<void> {
    return this.engine.run("warm", { processor }, { onProgress: (loaded) => this.note(loaded) });
  }

  loaded(): readonly ResidentStatus[] {
    return this.residents;
  }

  state(): EngineState {
    const state = this.engine.state();
    return this.losses?.judged(state) ?? state;
  }

  stop(): Promise<void> {
    return this.engine.stop();
  }

  private note(loaded: ResidentStatus[]): void {
    this.residents = loaded;
  }
}
