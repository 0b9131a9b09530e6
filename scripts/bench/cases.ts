/** What the benchmark measures: every part of every model in every form. */
import type { Form, Measurement, ModelFolders, Part } from "./parts.js";

export interface BenchModel {
  name: string;
  folders: ModelFolders;
  forms: Form[];
  /** Of its pictures, in pixels. */
  size: number;
}

export interface Case {
  model: string;
  measurement: Measurement;
}

/** A picture is the sum of the others: it is measured only where its growth is. */
export const CASE_PARTS = ["step", "step+controlnet", "vae decode", "text encoder", "depth", "depth hybrid"] as const;

/** Steps take seconds, a text a tenth of one. */
const REPEATS_FACTOR: Partial<Record<Part, number>> = { "text encoder": 5 };

export interface CaseOptions {
  cache: string;
  threads: number;
  repeats: number;
  /** Of steps; 1: none. */
  tokenDownsampling: number;
}

export function listCases(models: BenchModel[], options: CaseOptions): Case[] {
  return models.flatMap((model) =>
    CASE_PARTS.filter((part) => part !== "depth hybrid" || model.folders.hybrid).flatMap((part) =>
      formsOf(part, model.forms).map((form) => ({
        model: model.name,
        measurement: measurementOf(model, part, form, options),
      })),
    ),
  );
}

/** A picture of the model's size with guidance. */
export function measurementOf(
  { folders, size }: BenchModel,
  part: Part,
  form: Form,
  { cache, threads, repeats, tokenDownsampling }: CaseOptions,
): Measurement {
  return {
    ...{
      part,
      form,
      folders,
      cache,
      threads,
      tokenDownsampling,
      batch: 2,
      steps: 1,
      height: size / 8,
      width: size / 8,
    },
    controlnets: part === "step+controlnet" ? 1 : 0,
    repeats: repeats * (REPEATS_FACTOR[part] ?? 1),
  };
}

/** Only UNet and ControlNet have an 8-bit form. */
function formsOf(part: Part, forms: Form[]): Form[] {
  return part.startsWith("step") ? forms : forms.filter((form) => form !== "int8");
}
