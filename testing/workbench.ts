/** Recipes in the test's own process: networks are opened when they are first used, and stay. */
import type { Loadable, Session } from "@armature/runtime";
import { type Catalogue, readCatalogue, type Selection } from "../services/diffusion/src/engine/catalogue.js";
import type { DiffusionDevice } from "../services/diffusion/src/engine/device-settings.js";
import { loadableUses, loadNetworks } from "../services/diffusion/src/engine/load-networks.js";
import type { NetworkUse } from "../services/diffusion/src/engine/network-use.js";
import { type RecipeOutcome, type RecipeRun, runRecipe } from "../services/diffusion/src/engine/run-recipe.js";
import { tokenizersOf } from "../services/diffusion/src/engine/tokenizers.js";
import { recipeOf } from "../services/diffusion/src/pipelines/index.js";
import type { CompleteRequest } from "../services/diffusion/src/request/complete.js";
import type { Recipe } from "../services/diffusion/src/stages/recipe.js";
import { type Served, servedBy } from "../services/diffusion/src/stages/served.js";
import type { Pictures } from "../services/diffusion/src/stages/stage.js";

/** What of a run a test may choose. */
export interface RunChoices extends Partial<Pick<RecipeRun, "noise">>, Partial<RecipeRun["events"]> {
  onLoad?: (...asked: Parameters<RecipeRun["load"]>) => void;
}

export interface Workbench {
  catalogue: Catalogue;
  served: Served;
  /** The session of a network, which runs use from then on. */
  session(component: string, network: { name: string }, precision?: NetworkUse["precision"]): Promise<Session>;
  run(request: CompleteRequest, pictures?: Pictures, choices?: RunChoices): Promise<RecipeOutcome>;
  runRecipe(recipe: Recipe, pictures?: Pictures, choices?: RunChoices): Promise<RecipeOutcome>;
  release(): Promise<void>;
}

export function openWorkbench(selection: Selection, device: DiffusionDevice): Workbench {
  const catalogue = readCatalogue(selection);
  const served = servedBy(catalogue, device);
  const tokenizer = tokenizersOf(catalogue);
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
      ...{ pictures, served, tokenizer, ...(noise && { noise }), now: () => 0 },
      load(uses, later) {
        onLoad?.(uses, later);
        return loadNetworks(uses, { catalogue, device, acquire: openAll });
      },
      events: { checkpoint: async () => {}, ...events },
    });
  return {
    catalogue,
    served,
    runRecipe: run,
    session: (component, { name: network }, precision) =>
      open(loadableUses([{ component, network, precision }], catalogue, device)[0]!),
    run: (request, pictures, choices) => run(recipeOf(request), pictures, choices),
    async release() {
      for (const session of sessions.values()) await (await session).release();
      sessions.clear();
    },
  };
}
