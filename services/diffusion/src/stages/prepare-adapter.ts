import type { PictureSize } from "@armature/pixels";
import { type Adapter, adapterDefinition } from "../adapters/index.js";
import { defineStage } from "./stage.js";

export interface PrepareAdapter {
  model: string;
  adapter: Adapter;
  /** The adapter's place among those of the request. */
  place: number;
  size: PictureSize;
}

/** What an adapter makes of its picture: computed once for all steps. */
export const prepareAdapter = defineStage<PrepareAdapter>({
  uses: ({ model, adapter, size }, facts) =>
    adapterDefinition(adapter).preparation(adapter, { model: facts.model(model), size }),
  async run({ model, adapter, place, size }, { prepared }, tools) {
    const { disposeOnDevice } = await import("@armature/runtime");
    const picture = { model: tools.model(model), size, image: tools.pictures[adapter.picture]! };
    const own = await adapterDefinition(adapter).prepare(adapter, picture, tools);
    tools.afterwards(() => disposeOnDevice(own));
    return { prepared: { ...prepared, [place]: own } };
  },
});
