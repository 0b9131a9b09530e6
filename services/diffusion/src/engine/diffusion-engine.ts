/** The engine as the HTTP process sees it: calls go in, and what is loaded is known without asking. */
import { DeviceLosses } from "@armature/devices";
import { type Engine, type EngineLog, type EngineState, startEngine } from "@armature/engine";
import type { Served } from "../served/served.js";
import type { DiffusionCalls, EngineProgress, EngineSettings, GenerateOutcome, GeneratePayload } from "./calls.js";
import { type ComponentStatus, componentStatuses } from "./load-status.js";
import { stepAllowances } from "./step-allowance.js";

interface DiffusionEngineOptions {
  settings: EngineSettings;
  log: (entry: EngineLog) => void;
}

export class DiffusionEngine {
  private readonly engine: Engine<DiffusionCalls>;
  private components: readonly ComponentStatus[] = [];
  private readonly served: Served;
  private readonly device: string;
  private leftOnDevice = 0;
  /** Undefined on the CPU, which is not lost: a crash there is the call's own. */
  private readonly losses: DeviceLosses | undefined;

  constructor({ settings, log }: DiffusionEngineOptions) {
    this.served = settings.served;
    this.device = settings.device.name ?? "cpu";
    this.losses = this.device === "cpu" ? undefined : new DeviceLosses((reason) => this.engine.restart(reason));
    this.engine = startEngine<DiffusionCalls, EngineSettings>({
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
    const run = () =>
      this.engine.run("generate", payload, {
        ...{ signal, allow: stepAllowances(this.device) },
        onProgress: (event) => this.note(event, onProgress),
      });
    return this.losses ? this.losses.run(run) : run();
  }

  /** Loads or unloads a model or ControlNet by its id. */
  async setLoaded(id: string, load: boolean): Promise<void> {
    const call = load ? "load" : "unload";
    const allow = stepAllowances(this.device);
    const loaded = await this.engine.run(call, { id }, { allow, onProgress: (event) => this.note(event) });
    this.components = componentStatuses(loaded, this.served);
  }

  loaded(): readonly ComponentStatus[] {
    return this.components;
  }

  /** Results in the device's memory that no call needs any more. */
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

  private note(event: EngineProgress, onProgress?: (event: EngineProgress) => void): void {
    if (event.stage === "residency") this.components = componentStatuses(event.loaded, this.served);
    if (event.stage === "ended") this.leftOnDevice = event.deviceTensors;
    onProgress?.(event);
  }
}
