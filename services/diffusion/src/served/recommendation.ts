import { parse } from "@armature/contract";
import { InvalidModel, InvalidRequest } from "@armature/core";
import { readSmallFileIfThere } from "@armature/weights";
import { z } from "zod";

/** What a request gets that does not say; diffusers' own defaults where the file says nothing. */
const recommendation = z.strictObject({
  num_inference_steps: z.int().min(1).default(50),
  guidance_scale: z.number().min(0).max(100).default(7.5),
  scheduler: z.string().optional(),
});

export type Recommendation = z.infer<typeof recommendation>;

/** Reads a model's `armature.json`; a model needs none. Throws InvalidModel, naming the file and what is wrong in it. */
export function readRecommendation(file: string): Recommendation {
  const text = readSmallFileIfThere(file);
  const values = text === undefined ? {} : parseJson(text, file);
  try {
    return parse(recommendation, values);
  } catch (cause) {
    if (!(cause instanceof InvalidRequest)) throw cause;
    const wrong = cause.issues.map(({ pointer, detail }) => (pointer ? `${pointer.slice(1)}: ${detail}` : detail));
    throw new InvalidModel(`${file}: ${wrong.join("; ")}`, { cause });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidModel(`${file}: is not JSON`, { cause });
  }
}
