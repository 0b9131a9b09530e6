/** The engine as the HTTP process sees it: jobs go in, and what is loaded is known without asking. */

import type { EngineLog, EngineState } from "@armature/shared/engine/engine-options";
import { type Engine, startEngine } from "@armature/shared/engine/engine-process";
import type { ResidentStatus } from "@armature/shared/runtime/residency";
import type { EngineJobs, EngineProgress, EngineSettings, GenerateOutcome, GeneratePayload } from "./jobs.js";

export interface DiffusionEngineOptions {
  settings: EngineSettings;
  log: (entry: EngineLog) => void;
}

export class DiffusionEngine {
  private readonly engine: Engine<EngineJobs>;
  private residents: readonly ResidentStatus[] = [];

  constructor({ settings, log }: DiffusionEngineOptions) {
    this.engine = startEngine<EngineJobs, EngineSettings>({
      entry: new URL("./engine-main.js", import.meta.url),
      name: "diffusion",
      settings,
      log,
      onState: ({ status }) => {
        if (status === "restarting" || status === "failed") this.residents = []; // gone with the process
      },
    });
  }

  generate(
    payload: GeneratePayload,
    signal: AbortSignal,
    onProgress: (event: EngineProgress) => void,
  ): Promise<GenerateOutcome> {
    return this.engine.run("generate", payload, { signal, onProgress: (event) => this.note(event, onProgress) });
  }

  /** Loads or unloads a model or ControlNet by its key in the catalogue. */
  async setLoaded(key: string, load: boolean): Promise<void> {
    this.residents = await this.engine.run(
      load ? "load" : "unload",
      { key },
      { onProgress: (event) => this.note(event) },
    );
  }

  loaded(): readonly ResidentStatus[] {
    return this.residents;
  }

  state(): EngineState {
    return this.engine.state();
  }

  stop(): Promise<void> {
    return this.engine.stop();
  }

  private note(event: EngineProgress, onProgress?: (event: EngineProgress) => void): void {
    if (event.stage === "residency") this.residents = event.loaded;
    onProgress?.(event);
  }
}
