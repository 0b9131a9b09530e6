import type { GenerateOutcome } from "../engine/jobs.js";
import type { Pictures } from "../features/feature.js";
import { FEATURES, type ResolvedRequest } from "../features/index.js";
import type { Recipe } from "../stages/recipe.js";
import type { CompleteRequest } from "./complete.js";

export interface Generated {
  /** As it came, and with the size that its pictures give. */
  resolved: ResolvedRequest;
  request: CompleteRequest;
  recipe: Recipe;
  pictures: Pictures;
  outcome: Pick<GenerateOutcome, "cutTexts">;
}

/** What was done otherwise than a reader of the request might think, and what of it had no effect. */
export function warningsOf({ resolved, request, recipe, pictures, outcome }: Generated): string[] {
  const denoising = recipe.filter((stage) => stage.stage === "denoise");
  const steeredBy = new Set(
    denoising.flatMap(({ evaluations, adapters }) =>
      evaluations.flatMap(({ calls }) =>
        calls.flatMap((call) => call.adapters.map((place) => adapters[place]!.picture)),
      ),
    ),
  );
  const evaluations = denoising.flatMap((stage) => stage.evaluations);
  const made = { evaluations, steeredBy, pictures, size: request.size, cutTexts: outcome.cutTexts };
  return FEATURES.flatMap((feature) => [...(feature.warnings?.(resolved, made) ?? [])]);
}
