import { InvalidModel } from "@armature/core";
import { readSmallFileIfThere } from "@armature/weights";
import { z } from "zod";

/** What a request gets that does not say; diffusers' own defaults where the file says nothing. */
const recommendation = z.strictObject({
  num_inference_steps: z.int().min(1).default(50),
  guidance_scale: z.number().min(0).max(100).default(7.5),
  scheduler: z.string().optional(),
});

export type Recommendation = z.infer<typeof recommendation>;

/** Reads a model's `armature.json`; a model needs none. Throws InvalidModel, naming the file. */
export function readRecommendation(file: string): Recommendation {
  const text = readSmallFileIfThere(file);
  try {
    return recommendation.parse(text === undefined ? {} : JSON.parse(text));
  } catch (cause) {
    throw new InvalidModel(`${file}: ${(cause as Error).message}`, { cause });
  }
}
