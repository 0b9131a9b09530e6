/** What the benchmark measures: every part of every model in every form. */
import type { Form, Measurement } from "./measure.js";

export interface BenchModel {
  name: string;
  model: string;
  controlnet: string;
  forms: Form[];
  /** Of its pictures, in pixels. */
  size: number;
}

export interface Case {
  model: string;
  measurement: Measurement;
}

const PARTS: Measurement["part"][] = ["step", "step+controlnet", "vae decode", "text encoder"];

/** Steps take seconds, a text a tenth of one. */
const REPEATS_FACTOR = { step: 1, "step+controlnet": 1, "vae decode": 1, "text encoder": 5 };

export interface CaseOptions {
  cache: string;
  threads: number;
  repeats: number;
}

export function listCases(models: BenchModel[], { cache, threads, repeats }: CaseOptions): Case[] {
  return models.flatMap(({ name, model, controlnet, forms, size }) =>
    PARTS.flatMap((part) =>
      formsOf(part, forms).map((form) => ({
        model: name,
        measurement: {
          ...{ part, form, model, controlnet, cache, threads, batch: 2, height: size / 8, width: size / 8 },
          repeats: repeats * REPEATS_FACTOR[part],
        },
      })),
    ),
  );
}

/** Only UNet and ControlNet have an 8-bit form. */
function formsOf(part: Measurement["part"], forms: Form[]): Form[] {
  return part.startsWith("step") ? forms : forms.filter((form) => form !== "int8");
}
