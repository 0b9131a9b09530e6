import type { CompleteRequest } from "../request/complete.js";
import type { Recipe } from "../stages/recipe.js";
import { usualStages } from "./usual-stages.js";

/** Text-to-image, with any number of ControlNets: the method from prompt to pictures. */
export function textToImage(request: CompleteRequest): Recipe {
  const { encodePrompt, prepareControls, denoise, decode } = usualStages(request);
  return [encodePrompt, ...prepareControls, denoise, decode];
}
