/** The prompt as the networks take it: keys and values of their cross-attention layers. */
import { disposeOnDevice, type Session, type Tensors } from "@armature/runtime";
import type { TextBatch } from "./text-batch.js";

/** The projected prompts of one run: computed when a network first sees a batch of texts, and kept for its other steps. `release` frees them. */
export class ProjectedPrompts {
  private readonly known = new Map<TextBatch, Map<Session, Tensors>>();

  /** What the network with these projections takes of the texts. */
  async of(projections: Session, batch: TextBatch): Promise<Tensors> {
    const ofBatch = this.known.get(batch) ?? new Map<Session, Tensors>();
    this.known.set(batch, ofBatch);
    const tensors = ofBatch.get(projections) ?? (await projections.run({ context: batch.context }));
    ofBatch.set(projections, tensors);
    return tensors;
  }

  release(): void {
    for (const ofBatch of this.known.values()) for (const tensors of ofBatch.values()) disposeOnDevice(tensors);
    this.known.clear();
  }
}
