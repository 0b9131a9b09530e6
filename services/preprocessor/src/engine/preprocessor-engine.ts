/** The engine as the HTTP process sees it: calls go in, and what is loaded is known without asking. */

import { DeviceLosses } from "@armature/devices";
import { type Engine, type EngineLog, type EngineState, startEngine } from "@armature/engine";
import type { ResidentStatus } from "@armature/runtime";
import { AnnotationAllowances } from "./annotation-allowance.js";
import type { AnnotateOutcome, AnnotatePayload, EngineProgress, EngineSettings, PreprocessorCalls } from "./calls.js";

/** The engine of the service's own processors. */
const ENGINE_MAIN = new URL("./engine-main.js", import.meta.url);

interface PreprocessorEngineOptions {
  /** The module of the engine process; default: the one of the service's own processors. */
  entry?: URL | undefined;
  settings: EngineSettings;
  /** A picture that takes this long is taken for hung, and the process is ended; sooner where others were much quicker. */
  maxJobMs: number;
  log: (entry: EngineLog) => void;
}

export class PreprocessorEngine {
  private readonly engine: Engine<PreprocessorCalls>;
  private residents: readonly ResidentStatus[] = [];
  /** Undefined on the CPU, which is not lost: a crash there is the call's own. */
  private readonly losses: DeviceLosses | undefined;
  private readonly allowances: AnnotationAllowances;

  constructor({ entry = ENGINE_MAIN, settings, maxJobMs, log }: PreprocessorEngineOptions) {
    const onDevice = (settings.device.name ?? "cpu") !== "cpu";
    this.allowances = new AnnotationAllowances({ maxJobMs, ownThreads: !onDevice });
    this.losses = onDevice ? new DeviceLosses((reason) => this.engine.restart(reason)) : undefined;
    this.engine = startEngine<PreprocessorCalls, EngineSettings>({
      entry,
      name: "preprocessor",
      settings,
      log,
      onState: ({ status }) => {
        if (status === "restarting" || status === "failed") this.residents = []; // gone with the process
      },
    });
  }

  async annotate(payload: AnnotatePayload, signal: AbortSignal): Promise<AnnotateOutcome> {
    const allow = this.allowances.annotating(payload);
    const run = () => this.engine.run("annotate", payload, { signal, allow, onProgress: (event) => this.note(event) });
    const outcome = await (this.losses ? this.losses.run(run) : run());
    this.allowances.note(payload, outcome.inferenceMs);
    return outcome;
  }

  /** Loads the networks of a processor before they are asked for. */
  warm(processor: string): Promise<void> {
    const allow = (event?: EngineProgress) => this.allowances.loading(event);
    return this.engine.run("warm", { processor }, { allow, onProgress: (event) => this.note(event) });
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

  private note(event: EngineProgress): void {
    if (event.stage === "residency") this.residents = event.loaded;
  }
}
