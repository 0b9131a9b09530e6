/** How much work a request is, for the queue: admission and Retry-After go by it. */
import type { ResolvedRequest } from "../features/index.js";
import { recipeOf } from "../pipelines/index.js";
import { recipeWork } from "../stages/recipe.js";
import { completeRequest } from "./complete.js";

/** In pixels x evaluations with guidance; the request's pictures need not be made yet. */
export const requestWork = (resolved: ResolvedRequest): number => recipeWork(recipeOf(completeRequest(resolved)));
