/** Runs a recipe: for each stage its networks are loaded, then it runs on what those before it made. */
import type { RgbImage } from "@armature/pixels";
import type { DenoiseEvents } from "../denoise/denoise-latents.js";
import { seededNoise } from "../denoise/noise.js";
import type { NetworkUse } from "../facts/network-use.js";
import type { ServedFacts } from "../facts/served-facts.js";
import { definitionOf } from "../stages/index.js";
import { type Recipe, recipeSteps, stageUses } from "../stages/recipe.js";
import { type Products, productOf, type StageTools } from "../stages/stage.js";
import type { SessionOf } from "./load-networks.js";

export interface RecipeRun extends Pick<StageTools, "pictures" | "tokenizer"> {
  facts: ServedFacts;
  /** Loads what a stage uses; `later` is what the stages after it do. */
  load(uses: readonly NetworkUse[], later: readonly NetworkUse[]): Promise<SessionOf>;
  /** Of the pictures' seeds unless given. */
  noise?: StageTools["noise"];
  /** Milliseconds. */
  now: () => number;
  events: RecipeEvents;
}

interface RecipeEvents extends DenoiseEvents {
  /** A stage's networks are to be loaded. */
  onLoading?: () => void;
  /** A stage's networks are loaded: it begins. */
  onStage?: () => void;
}

export interface RecipeOutcome extends Pick<Products, "cutTexts" | "latents"> {
  images: RgbImage[];
  timings: { loadMs: number; inferenceMs: number };
  /** Networks that the prepared form of their weights computed, such as `sd15 unet`. */
  preparedNetworks: string[];
}

/** Same noise, same numbers: nothing here has a state. */
export async function runRecipe(recipe: Recipe, run: RecipeRun): Promise<RecipeOutcome> {
  const { facts, now, events, noise = seededNoise, pictures, tokenizer } = run;
  const releases: (() => void)[] = [];
  const steps = countedSteps(recipe, events);
  const timings = { loadMs: 0, inferenceMs: 0 };
  const uses = recipe.map((stage) => stageUses(stage, facts));
  const prepared = new Set<string>();
  let products: Products = {};
  try {
    for (const [i, stage] of recipe.entries()) {
      await events.checkpoint();
      const asked = now();
      events.onLoading?.();
      const session = await run.load(uses[i]!, uses.slice(i + 1).flat());
      const begun = now();
      for (const use of uses[i]!) if (isPrepared(session, use)) prepared.add(`${use.component} ${use.network}`);
      events.onStage?.();
      const tools: StageTools = {
        ...{ ...facts, session, tokenizer, pictures, noise },
        events: { ...events, onStep: steps.next(stage) },
        afterwards: (release) => void releases.push(release),
      };
      products = { ...products, ...(await definitionOf(stage).run(stage, products, tools)) };
      timings.loadMs += begun - asked;
      timings.inferenceMs += now() - begun;
    }
  } finally {
    for (const release of releases) release();
  }
  return { ...products, images: productOf(products, "images"), timings, preparedNetworks: [...prepared] };
}

const isPrepared = (session: SessionOf, { component, network: name }: NetworkUse): boolean =>
  session(component, { name }).prepared ?? false;

/** Counts the steps of all stages as one row. */
function countedSteps(recipe: Recipe, { onStep }: RecipeEvents) {
  const total = recipeSteps(recipe);
  let before = 0;
  return {
    next(stage: Recipe[number]): DenoiseEvents["onStep"] {
      const start = before;
      before += recipeSteps([stage]);
      return onStep && (({ done, latents }) => onStep({ done: start + done, total, latents }));
    },
  };
}
