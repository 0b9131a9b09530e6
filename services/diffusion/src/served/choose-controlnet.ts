/** Which of the served ControlNets a type means: of several, the one that was made for the model. */
import { takesAdapter } from "../adapters/index.js";
import type { Served, ServedControlNet, ServedModel } from "./served.js";

interface Choice {
  served: Pick<Served, "controlnets">;
  model: ServedModel;
}

/** The ControlNet that a request of this model gets for a type, or for the id of one; undefined where none fits. */
export const controlNetOf = (type: string, { served, model }: Choice): ServedControlNet | undefined =>
  controlNetsNamed(type, served).find(({ config }) => takesAdapter(model, "controlnet", config));

/** Those of a type, in the order in which they are served; or the one of this id. */
export function controlNetsNamed(type: string, { controlnets }: Choice["served"]): ServedControlNet[] {
  const ofType = controlnets.filter((net) => net.type === type);
  return ofType.length > 0 ? ofType : controlnets.filter(({ id }) => id === type);
}
