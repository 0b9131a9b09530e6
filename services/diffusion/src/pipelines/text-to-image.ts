import type { CompleteRequest } from "../features/complete.js";
import type { Recipe } from "../stages/recipe.js";
import { usualStages } from "./usual-stages.js";

/** Text-to-image, with any number of adapters: the method from prompt to pictures. */
export function textToImage(request: CompleteRequest): Recipe {
  const { encodePrompt, prepareAdapters, denoise, decode } = usualStages(request);
  return [encodePrompt, ...prepareAdapters, denoise, decode];
}
