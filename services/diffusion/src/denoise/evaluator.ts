/** Calls the networks: adapters and the whole UNet, or the shallow UNet with what a whole evaluation kept. */
import { NotFinite } from "@armature/core";
import { areFinite, disposeOnDevice, notFinite, type Session, type Tensors } from "@armature/runtime";
import type { Tensor } from "onnxruntime-node";
import type { AttachedAdapter, CallInputs } from "../adapters/adapter.js";
import { lastCrossAttention, promptOf } from "../networks/ports/prompt.js";
import { shallowSteering } from "../networks/shallow-unet.js";
import type { UNetConfig } from "../networks/unet-config.js";
import type { EvaluationCalls, NetworkCall } from "./evaluation-plan.js";
import { ProjectedPrompts } from "./projected-prompts.js";
import type { TextBatch } from "./text-batch.js";

/** A model's UNet, which the prompt enters through projections of its own. */
export interface UNet {
  session: Session;
  /** From the prompt's context to the keys and values that `session` takes. */
  projections: Session;
  config: UNetConfig;
}

/** The UNet's first and last layer, for steps that take the features between them from an earlier one. The prompt is the UNet's. */
export interface ShallowUNet {
  session: Session;
}

/** The networks of one run. */
export interface DenoiseNetworks {
  unet: UNet;
  /** Called where an evaluation is not whole. */
  shallow: ShallowUNet | undefined;
  /** In the order of the request; those that act in no evaluation may be undefined. */
  adapters: readonly (AttachedAdapter | undefined)[];
}

/** One call, and how its evaluation is made. */
type Call = Pick<NetworkCall, "adapters"> & Pick<EvaluationCalls, "whole" | "keep">;

/** The evaluations of one run. `release` frees what they kept. */
export class Evaluator {
  private readonly prompts = new ProjectedPrompts();
  /** What the shallow UNet takes of the whole one, by its names: the deep features, and what adapters gave for its layers. */
  private readonly kept = new Map<TextBatch, Tensors>();
  /** What was prepared for adapters: others free it, when the recipe ends. */
  private readonly prepared: ReadonlySet<Tensor>;

  constructor(private readonly networks: DenoiseNetworks) {
    this.prepared = new Set(networks.adapters.flatMap((adapter) => Object.values(adapter?.prepared ?? {})));
  }

  /** The noise predicted in one call of an evaluation, [B, 4, h, w]. */
  async noise(batch: TextBatch, inputs: CallInputs, call: Call): Promise<Float32Array> {
    const outputs = call.whole ? await this.runWhole(batch, inputs, call) : await this.runShallow(batch, inputs);
    return outputs.noise!.data as Float32Array;
  }

  release(): void {
    for (const batch of this.kept.keys()) this.forget(batch);
    this.prompts.release();
  }

  private async runWhole(batch: TextBatch, inputs: CallInputs, { adapters, keep }: Call): Promise<Tensors> {
    const { unet } = this.networks;
    this.forget(batch);
    let steering: Tensors = {};
    try {
      for (const place of adapters) {
        const before = steering;
        const promptOf = (projections: UNet["projections"]) => this.prompts.of(projections, batch);
        steering = await this.networks.adapters[place]!.steer({ inputs, before, promptOf });
        this.free(before, steering);
      }
      const prompt = await this.prompts.of(unet.projections, batch);
      const outputs = await unet.session
        .run({ ...inputs, ...prompt, ...steering }, keep ? ["noise", "deep"] : ["noise"])
        .catch(async (error) => {
          throw error instanceof NotFinite ? ((await this.culprit(batch, inputs, adapters)) ?? error) : error;
        });
      if (keep) this.keep(batch, outputs, steering);
      return outputs;
    } finally {
      this.free(steering, this.kept.get(batch));
    }
  }

  /**
   * The adapter whose numbers the UNet could make none of, if it is one: each is asked again, alone. So evaluations need no look at
   * what adapters give, which is as much as ten pictures.
   */
  private async culprit(
    batch: TextBatch,
    inputs: CallInputs,
    adapters: readonly number[],
  ): Promise<NotFinite | undefined> {
    const promptOf = (projections: UNet["projections"]) => this.prompts.of(projections, batch);
    for (const adapter of adapters.map((place) => this.networks.adapters[place]!)) {
      const given = await adapter.steer({ inputs, before: {}, promptOf });
      const finite = areFinite(given);
      this.free(given);
      if (!finite) return notFinite(adapter.name);
    }
    return undefined;
  }

  private async runShallow(batch: TextBatch, inputs: CallInputs): Promise<Tensors> {
    const { unet, shallow } = this.networks;
    const kept = this.kept.get(batch);
    if (!shallow || !kept) throw new Error("a shallow evaluation was planned with nothing kept for it");
    const prompt = promptOf(await this.prompts.of(unet.projections, batch), lastCrossAttention(unet.config));
    return shallow.session.run({ ...inputs, ...prompt, ...kept });
  }

  private keep(batch: TextBatch, { deep }: Tensors, steering: Tensors): void {
    const names = shallowSteering(this.networks.unet.config).filter((name) => name in steering);
    this.kept.set(batch, { deep: deep!, ...Object.fromEntries(names.map((name) => [name, steering[name]!])) });
  }

  private forget(batch: TextBatch): void {
    this.free(this.kept.get(batch) ?? {});
    this.kept.delete(batch);
  }

  /** Frees what lies on a device and was computed for a call, but what is among `needed`. */
  private free(tensors: Tensors, needed: Tensors = {}): void {
    const stays = new Set(Object.values(needed));
    const over = Object.entries(tensors).filter(([, tensor]) => !stays.has(tensor) && !this.prepared.has(tensor));
    disposeOnDevice(Object.fromEntries(over));
  }
}
