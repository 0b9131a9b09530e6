/** The engine as the HTTP process sees it: jobs go in, and what is loaded is known without asking. */

import { DeviceLosses } from "@armature/devices";
import { type Engine, type EngineLog, type EngineState, startEngine } from "@armature/engine";
import type { Served } from "../served/served.js";
import type { EngineJobs, EngineProgress, EngineSettings, GenerateOutcome, GeneratePayload } from "./jobs.js";
import { type ComponentStatus, componentStatuses } from "./load-status.js";
import { watchSteps } from "./step-watchdog.js";

interface DiffusionEngineOptions {
  settings: EngineSettings;
  log: (entry: EngineLog) => void;
}

export class DiffusionEngine {
  private readonly engine: Engine<EngineJobs>;
  private components: readonly ComponentStatus[] = [];
  private readonly served: Served;
  private leftOnDevice = 0;
  /** Undefined on the CPU, which is not lost: a crash there is the job's own. */
  private readonly losses: DeviceLosses | undefined;

  constructor({ settings, log }: DiffusionEngineOptions) {
    this.served = settings.served;
    const onDevice = (settings.device.name ?? "cpu") !== "cpu";
    this.losses = onDevice ? new DeviceLosses((reason) => this.engine.restart(reason)) : undefined;
    this.engine = startEngine<EngineJobs, EngineSettings>({
      entry: new URL("./engine-main.js", import.meta.url),
      name: "diffusion",
      settings,
      log,
      onState: ({ status }) => {
        if (status !== "restarting" && status !== "failed") return;
        this.components = []; // gone with the process
        this.leftOnDevice = 0;
      },
    });
  }

  generate(
    payload: GeneratePayload,
    signal: AbortSignal,
    onProgress: (event: EngineProgress) => void,
  ): Promise<GenerateOutcome> {
    const run = (note: (event: EngineProgress) => void = () => {}) =>
      this.engine.run("generate", payload, {
        signal,
        onProgress: (event) => {
          note(event);
          this.note(event, onProgress);
        },
      });
    return this.losses ? this.losses.run(() => this.watched(run)) : run();
  }

  /** Loads or unloads a model or ControlNet by its id. */
  async setLoaded(id: string, load: boolean): Promise<void> {
    const job = load ? "load" : "unload";
    const loaded = await this.engine.run(job, { id }, { onProgress: (event) => this.note(event) });
    this.components = componentStatuses(loaded, this.served);
  }

  loaded(): readonly ComponentStatus[] {
    return this.components;
  }

  /** Results in the device's memory that no job needs any more. */
  deviceTensors(): number {
    return this.leftOnDevice;
  }

  state(): EngineState {
    const state = this.engine.state();
    return this.losses?.judged(state) ?? state;
  }

  stop(): Promise<void> {
    return this.engine.stop();
  }

  /** A job on a GPU: one that hangs ends the process, for the device is the process's. */
  private async watched<T>(run: (note: (event: EngineProgress) => void) => Promise<T>): Promise<T> {
    const watchdog = watchSteps({ onHang: (reason) => this.engine.restart(reason) });
    try {
      return await run((event) => watchdog.note(event));
    } finally {
      watchdog.stop();
    }
  }

  private note(event: EngineProgress, onProgress?: (event: EngineProgress) => void): void {
    if (event.stage === "residency") this.components = componentStatuses(event.loaded, this.served);
    if (event.stage === "ended") this.leftOnDevice = event.deviceTensors;
    onProgress?.(event);
  }
}
