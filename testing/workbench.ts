/** Recipes in the test's own process: networks are opened when they are first used, and stay. */
import type { Loadable, Session } from "@armature/runtime";
import { loadableUses, loadNetworks } from "../services/diffusion/src/engine/load-networks.js";
import { type RecipeOutcome, type RecipeRun, runRecipe } from "../services/diffusion/src/engine/run-recipe.js";
import { tokenizersOf } from "../services/diffusion/src/engine/tokenizers.js";
import type { DiffusionDevice } from "../services/diffusion/src/facts/device-settings.js";
import type { NetworkUse } from "../services/diffusion/src/facts/network-use.js";
import type { ServedFacts } from "../services/diffusion/src/facts/served-facts.js";
import type { CompleteRequest } from "../services/diffusion/src/features/complete.js";
import type { PicturesByPlace } from "../services/diffusion/src/pictures/pictures-by-place.js";
import { recipeOf } from "../services/diffusion/src/pipelines/index.js";
import { factsOf } from "../services/diffusion/src/served/facts-of.js";
import { readServed, type ServedSelection } from "../services/diffusion/src/served/read-served.js";
import type { Served } from "../services/diffusion/src/served/served.js";
import type { Recipe } from "../services/diffusion/src/stages/recipe.js";

/** What of a run a test may choose. */
export interface RunChoices extends Partial<Pick<RecipeRun, "noise">>, Partial<RecipeRun["events"]> {
  onLoad?: (...asked: Parameters<RecipeRun["load"]>) => void;
}

export interface Workbench {
  served: Served;
  facts: ServedFacts;
  /** The session of a network, which runs use from then on. */
  session(component: string, network: { name: string }, precision?: NetworkUse["precision"]): Promise<Session>;
  run(request: CompleteRequest, pictures?: PicturesByPlace, choices?: RunChoices): Promise<RecipeOutcome>;
  runRecipe(recipe: Recipe, pictures?: PicturesByPlace, choices?: RunChoices): Promise<RecipeOutcome>;
  release(): Promise<void>;
}

export function openWorkbench(selection: ServedSelection, device: DiffusionDevice): Workbench {
  const served = readServed(selection);
  const facts = factsOf(served, device);
  const tokenizer = tokenizersOf(served);
  const sessions = new Map<string, Promise<Session>>();
  const open = ({ key, load }: Loadable<Session>) => {
    const session = sessions.get(key) ?? load();
    sessions.set(key, session);
    return session;
  };
  const openAll = async (loadables: readonly Loadable<Session>[]) => {
    const opened: Session[] = [];
    for (const loadable of loadables) opened.push(await open(loadable));
    return opened;
  };
  const run: Workbench["runRecipe"] = (recipe, pictures = {}, { noise, onLoad, ...events } = {}) =>
    runRecipe(recipe, {
      ...{ pictures, facts, tokenizer, ...(noise && { noise }), now: () => 0 },
      load(uses, later) {
        onLoad?.(uses, later);
        return loadNetworks(uses, { served, device, acquire: openAll });
      },
      events: { checkpoint: async () => {}, ...events },
    });
  return {
    served,
    facts,
    runRecipe: run,
    session: (component, { name: network }, precision) =>
      open(loadableUses([{ component, network, precision }], served, device)[0]!),
    run: (request, pictures, choices) => run(recipeOf(request), pictures, choices),
    async release() {
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
}
