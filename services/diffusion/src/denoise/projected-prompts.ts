/** The prompt as the networks take it: keys and values of their cross-attention layers. */
import { disposeOnDevice, type Session, type Tensors } from "@armature/runtime";
import type { Prompted } from "./components.js";
import type { Pass } from "./passes.js";

/** Those of one run: computed when a network first sees a pass's prompt, and kept for its other steps. `release` frees them. */
export class ProjectedPrompts {
  private readonly known = new Map<Pass, Map<Session, Tensors>>();

  /** What the network takes of the pass's prompt. */
  async of({ projections }: Pick<Prompted, "projections">, pass: Pass): Promise<Tensors> {
    const ofPass = this.known.get(pass) ?? new Map<Session, Tensors>();
    this.known.set(pass, ofPass);
    const tensors = ofPass.get(projections) ?? (await projections.run({ context: pass.context }));
    ofPass.set(projections, tensors);
    return tensors;
  }

  release(): void {
    for (const ofPass of this.known.values()) for (const tensors of ofPass.values()) disposeOnDevice(tensors);
    this.known.clear();
  }
}
