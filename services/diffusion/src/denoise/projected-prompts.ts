/** The prompt as the networks take it: keys and values of their cross-attention layers. */
import { disposeOnDevice, type Session, type Tensors } from "@armature/runtime";
import type { Tensor } from "onnxruntime-node";
import type { TextBatch } from "./text-batch.js";

/** The projected prompts of one run: computed when a network first sees some texts, and kept for their other calls and steps. `release` frees them. */
export class ProjectedPrompts {
  private readonly known = new Map<Tensor, Map<Session, Tensors>>();

  /** What the network with these projections takes of the texts. */
  async of(projections: Session, { context }: Pick<TextBatch, "context">): Promise<Tensors> {
    const ofTexts = this.known.get(context) ?? new Map<Session, Tensors>();
    this.known.set(context, ofTexts);
    const tensors = ofTexts.get(projections) ?? (await projections.run({ context }));
    ofTexts.set(projections, tensors);
    return tensors;
  }

  release(): void {
    for (const ofTexts of this.known.values()) for (const tensors of ofTexts.values()) disposeOnDevice(tensors);
    this.known.clear();
  }
}
