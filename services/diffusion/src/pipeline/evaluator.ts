/** Calls the networks: ControlNets and the whole UNet, or the shallow UNet with what a whole evaluation kept. */

import { disposeOnDevice, type Tensors } from "@armature/runtime";
import { firstResidualName } from "../networks/ports/control-residuals.js";
import { lastCrossAttention, promptOf } from "../networks/ports/prompt.js";
import type { ShallowUNet, UNet } from "./components.js";
import { addResiduals, type ControlUnit, type Residuals, type StepInputs } from "./control.js";
import type { PlannedEvaluation } from "./evaluation-plan.js";
import type { Pass } from "./passes.js";
import { ProjectedPrompts } from "./projected-prompts.js";

/** The evaluations of one run. `release` frees what they kept. */
export class Evaluator {
  private readonly prompts = new ProjectedPrompts();
  /** What the shallow UNet takes of the whole one, by its names: the deep features, and the first residual of the ControlNets. */
  private readonly kept = new Map<Pass, Tensors>();

  constructor(
    private readonly unet: UNet,
    private readonly shallow: ShallowUNet | undefined,
  ) {}

  /** The noise predicted in one pass of an evaluation, [B, 4, h, w]. */
  async noise(pass: Pass, step: StepInputs, planned: PlannedEvaluation<ControlUnit>): Promise<Float32Array> {
    const outputs = planned.whole ? await this.runWhole(pass, step, planned) : await this.runShallow(pass, step);
    return outputs.noise!.data as Float32Array;
  }

  release(): void {
    for (const pass of this.kept.keys()) this.forget(pass);
    this.prompts.release();
  }

  private async runWhole(
    pass: Pass,
    step: StepInputs,
    { controls, keep }: PlannedEvaluation<ControlUnit>,
  ): Promise<Tensors> {
    this.forget(pass);
    let residuals: Residuals = {};
    try {
      for (const unit of pass.controls) {
        if (!controls.includes(unit)) continue;
        const before = residuals;
        const prompt = await this.prompts.of(unit.net, pass);
        residuals = await addResiduals(unit, { ...step, ...prompt }, before);
        disposeOnDevice(before);
      }
      const inputs = { ...step, ...(await this.prompts.of(this.unet, pass)), ...residuals };
      const outputs = await this.unet.session.run(inputs, keep ? ["noise", "deep"] : ["noise"]);
      if (keep) residuals = this.keep(pass, outputs, residuals);
      return outputs;
    } finally {
      disposeOnDevice(residuals);
    }
  }

  private async runShallow(pass: Pass, step: StepInputs): Promise<Tensors> {
    const kept = this.kept.get(pass);
    if (!this.shallow || !kept) throw new Error("a shallow evaluation was planned with nothing kept for it");
    const prompt = promptOf(await this.prompts.of(this.unet, pass), lastCrossAttention(this.unet.config));
    return this.shallow.session.run({ ...step, ...prompt, ...kept });
  }

  /** Gives the residuals that are left to be freed. */
  private keep(pass: Pass, { deep }: Tensors, residuals: Tensors): Tensors {
    const first = firstResidualName(this.unet.config);
    const { [first]: residual, ...others } = residuals;
    this.kept.set(pass, { deep: deep!, ...(residual && { [first]: residual }) });
    return others;
  }

  private forget(pass: Pass): void {
    disposeOnDevice(this.kept.get(pass) ?? {});
    this.kept.delete(pass);
  }
}
