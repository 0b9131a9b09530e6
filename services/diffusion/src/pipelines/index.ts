/** Which pipeline makes a request's pictures. */
import type { CompleteRequest } from "../features/complete.js";
import type { Recipe } from "../stages/recipe.js";
import { imageToImage } from "./image-to-image.js";
import { textToImage } from "./text-to-image.js";

/** How a request's pictures are made. A new pipeline is a file of its own and a case here. */
export function recipeOf(request: CompleteRequest): Recipe {
  const { strength } = request;
  return strength === undefined ? textToImage(request) : imageToImage(request, strength);
}
