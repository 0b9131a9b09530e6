/** What a stage of a recipe is: the networks that it uses and at which sizes, how much work it is, and how it runs. */
import type { RgbImage } from "@armature/pixels";
import type { Tensors } from "@armature/runtime";
import type { AdapterTools } from "../adapters/adapter.js";
import type { DenoiseEvents } from "../denoise/denoise-latents.js";
import type { NoiseSource } from "../denoise/noise.js";
import type { Posterior } from "../denoise/posterior.js";
import type { NetworkUse } from "../facts/network-use.js";
import type { ServedFacts } from "../facts/served-facts.js";
import type { PicturesByPlace } from "../pictures/pictures-by-place.js";
import type { CutTexts, PromptEmbeds } from "../prompts/prompt-embeds.js";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.js";

/** A stage whose part of a recipe is `Spec`: plain JSON. */
export interface StageDefinition<Spec extends object> {
  /** All that must be loaded while it runs. */
  uses(spec: Spec, facts: ServedFacts): NetworkUse[];
  /** In pixels x evaluations with guidance; undefined: nothing beside those. */
  work?(spec: Spec): number;
  /** Steps that it reports; undefined: none. */
  steps?(spec: Spec): number;
  /**
   * Gives what the stage made. What computes is imported here: the service's HTTP process, which asks for work alone, loads no
   * runtime.
   */
  run(spec: Spec, products: Products, tools: StageTools): Promise<Products>;
}

/** What stages make, and those after them take. */
export interface Products {
  /** The negative text, then the prompt; the prompt alone without guidance. */
  embeds?: PromptEmbeds;
  cutTexts?: CutTexts;
  /** What was prepared for adapters, by their places in the request. */
  prepared?: Readonly<Record<number, Tensors>>;
  /** The latents of the picture that denoising begins at. */
  posterior?: Posterior;
  /** [N, C, h, w], as the UNet sees them. */
  latents?: Float32Array;
  images?: RgbImage[];
}

/** With the sessions of the networks that the stage uses. */
export interface StageTools extends AdapterTools, ServedFacts {
  /** By the files in that folder of the model. */
  tokenizer(model: string, folder: string): ClipTokenizer;
  pictures: PicturesByPlace;
  noise(seeds: readonly number[]): NoiseSource;
  events: DenoiseEvents;
  /** To be called when the recipe has ended, however it ends. */
  afterwards(release: () => void): void;
}

export const defineStage = <Spec extends object>(definition: StageDefinition<Spec>): StageDefinition<Spec> =>
  definition;

/** What an earlier stage made. */
export function productOf<Name extends keyof Products>(products: Products, name: Name): NonNullable<Products[Name]> {
  const product = products[name];
  if (product === undefined) throw new Error(`No stage of the recipe before this one makes ${name}`);
  return product;
}
