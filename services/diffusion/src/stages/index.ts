/** The table of stages. A new one is a file of its own and a row here. */
import { decode } from "./decode.js";
import { denoise } from "./denoise.js";
import { encodeImage } from "./encode-image.js";
import { encodePrompt } from "./encode-prompt.js";
import { prepareAdapter } from "./prepare-adapter.js";
import type { StageDefinition } from "./stage.js";

const STAGES = {
  "encode-prompt": encodePrompt,
  "encode-image": encodeImage,
  "prepare-adapter": prepareAdapter,
  denoise,
  decode,
};

type Table = typeof STAGES;

/** A stage of a recipe by its name in the table: plain JSON. */
export type Stage = {
  [Name in keyof Table]: { stage: Name } & (Table[Name] extends StageDefinition<infer Spec> ? Spec : never);
}[keyof Table];

export type StageNamed<Name extends Stage["stage"]> = Extract<Stage, { stage: Name }>;

/** What the table says of a recipe's stage. */
export const definitionOf = ({ stage }: Stage): StageDefinition<Stage> => STAGES[stage] as StageDefinition<Stage>;
