import type { CompleteRequest } from "../features/complete.js";
import { FEATURES, type ResolvedRequest } from "../features/index.js";
import type { PicturesByPlace } from "../pictures/pictures-by-place.js";
import type { CutTexts } from "../prompts/prompt-embeds.js";
import type { Recipe } from "../stages/recipe.js";

export interface Generated {
  /** As it came, and with the size that its pictures give. */
  resolved: ResolvedRequest;
  request: CompleteRequest;
  recipe: Recipe;
  pictures: PicturesByPlace;
  cutTexts: CutTexts;
}

/** What was done otherwise than a reader of the request might think, and what of it had no effect. */
export function warningsOf({ resolved, request, recipe, pictures, cutTexts }: Generated): string[] {
  const denoising = recipe.filter((stage) => stage.stage === "denoise");
  const steeredBy = new Set(
    denoising.flatMap(({ evaluations, adapters }) =>
      evaluations.flatMap(({ calls }) =>
        calls.flatMap((call) => call.adapters.map((place) => adapters[place]!.picture)),
      ),
    ),
  );
  const evaluations = denoising.flatMap((stage) => stage.evaluations);
  const outcome = { evaluations, steeredBy, pictures, size: request.size, cutTexts };
  return FEATURES.flatMap((feature) => [...(feature.warnings?.(resolved, outcome) ?? [])]);
}
