import type { PictureSize } from "@armature/pixels";
import type { NetworkUse } from "../engine/network-use.js";
import { conditioningEmbeddingNetwork } from "../networks/controlnet.js";
import { latentSides, type ServedModel } from "./served.js";
import { defineStage } from "./stage.js";

export interface PrepareControl {
  model: string;
  /** Of the ControlNet. */
  type: string;
  /** Its place in the request. */
  control: number;
  /** The place of its control image. */
  picture: string;
  size: PictureSize;
}

/** What a ControlNet sees of its control image: computed once for all steps. */
export const prepareControl = defineStage<PrepareControl>({
  uses: ({ model, type, size }, served) => [hintUse(served.controlNet(type).id, served.model(model), size)],
  async run({ type, control, picture, size }, { hints }, tools) {
    const { makeHint, releaseHint } = await import("../denoise/control.js");
    const embedding = tools.session(tools.controlNet(type).id, conditioningEmbeddingNetwork);
    const hint = await makeHint(embedding, tools.pictures[picture]!, size);
    tools.afterwards(() => releaseHint(hint));
    return { hints: { ...hints, [control]: hint } };
  },
});

/** The network of a ControlNet that makes its hint. */
export const hintUse = (component: string, model: ServedModel, size: PictureSize): NetworkUse => ({
  component,
  network: conditioningEmbeddingNetwork.name,
  sizes: { B: 1, ...latentSides(model, size) },
});
