/** Which of the served models draws. */
import { modelId } from "@armature/contract";
import type { Served, ServedModel } from "../served/served.js";
import { defineFeature, refusal } from "./feature.js";
import { notServed } from "./not-served.js";

export const model = defineFeature({
  fields: () => ({
    model: modelId.optional().describe("Model id; GET /models lists those served. Default: the first of them"),
  }),
  resolve: (_, context) => ({ model: context.model.id }),
  parameters: ({ model }) => ({ model }),
});

/** The model that a request is for. Throws InvalidRequest. */
export function findModel(id: string | undefined, { models }: Served): ServedModel {
  const found = id === undefined ? models[0] : models.find((entry) => entry.id === id);
  if (found) return found;
  const served = models.map((entry) => entry.id);
  throw refusal("/model", notServed("model", id ?? "", served));
}
