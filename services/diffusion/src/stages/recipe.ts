/** What is known of a recipe before it runs: folds over its stages. */
import type { NetworkUse } from "../facts/network-use.js";
import type { ServedFacts } from "../facts/served-facts.js";
import { definitionOf, type Stage } from "./index.js";

/** How pictures are made, stage by stage: plain JSON. */
export type Recipe = readonly Stage[];

/** The networks that one stage uses. */
export const stageUses = (stage: Stage, facts: ServedFacts): NetworkUse[] => definitionOf(stage).uses(stage, facts);

/** The networks that all stages use, each once at each size. */
export function recipeUses(recipe: Recipe, facts: ServedFacts): NetworkUse[] {
  const uses = recipe.flatMap((stage) => stageUses(stage, facts));
  return [...new Map(uses.map((use) => [JSON.stringify(use), use])).values()];
}

/** The work of all stages, in pixels x evaluations with guidance. */
export const recipeWork = (recipe: Recipe): number =>
  sum(recipe.map((stage) => definitionOf(stage).work?.(stage) ?? 0));

/** The steps that all stages report. */
export const recipeSteps = (recipe: Recipe): number =>
  sum(recipe.map((stage) => definitionOf(stage).steps?.(stage) ?? 0));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
