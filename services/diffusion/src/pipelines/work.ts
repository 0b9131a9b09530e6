/** How much work a request is, for the queue: admission and Retry-After go by it. */
import { completeRequest } from "../features/complete.js";
import type { ResolvedRequest } from "../features/index.js";
import { recipeWork } from "../stages/recipe.js";
import { recipeOf } from "./index.js";

/** In pixels x evaluations with guidance; the request's pictures need not be made yet. */
export const requestWork = (resolved: ResolvedRequest): number => recipeWork(recipeOf(completeRequest(resolved)));
