/** A picture to start from instead of noise: it gets some, and the last steps take that away. SDEdit, arXiv:2108.01073. */
import { InvalidRequest } from "@armature/core";
import { z } from "zod";
import { beginAfter, scheduleOf } from "../schedulers/index.js";
import { requireBegin } from "../served/resolve-scheduler.js";
import { defineFeature, type Sampling } from "./feature.js";

/** Where the picture stands in the request. */
export const IMAGE = "/image";

const DEFAULT_STRENGTH = 0.8;

export const image = defineFeature({
  fields: () => ({
    image: z
      .string()
      .min(1)
      .optional()
      .describe(
        "A picture to start from: base64, a data: URL, or an http(s) URL. Without width and height its size is kept, in multiples of 8",
      ),
    strength: z
      .number()
      .gt(0, "wants more than 0: that would make no step. 0.1 changes little, 1 nearly all")
      .max(1)
      .optional()
      .describe(
        `How much of image changes: the share of num_inference_steps that is made. Default: ${DEFAULT_STRENGTH}`,
      ),
  }),
  *conflicts({ image, strength }) {
    if (image !== undefined || strength === undefined) return;
    yield { path: ["strength"], message: "wants a picture to start from in image" };
  },
  pictures: ({ image }) => (image === undefined ? [] : [{ place: IMAGE, source: image, size: "kept" as const }]),
  resolve: ({ image, strength = DEFAULT_STRENGTH }): { strength?: number } => (image === undefined ? {} : { strength }),
  check({ strength, ...sampling }) {
    if (strength === undefined) return;
    const { numInferenceSteps } = sampling;
    if (Math.floor(numInferenceSteps * strength) === 0) {
      const detail = `leaves none of ${numInferenceSteps} steps to make; wants at least ${least(numInferenceSteps)}, or more num_inference_steps`;
      throw new InvalidRequest([{ pointer: "/strength", detail }]);
    }
    requireBegin(scheduleOf(sampling.scheduler, numInferenceSteps), beginAt(strength, sampling));
  },
  answer: { image: undefined, strength: z.number().gt(0).max(1).optional() },
  parameters: ({ strength }) => ({ strength }),
});

/** The index of the timestep that a picture gets the noise of: only the last `strength` of the steps are made, as in diffusers. */
export function beginAt(strength: number, { numInferenceSteps, scheduler }: Sampling): number {
  const made = Math.floor(numInferenceSteps * strength);
  return beginAfter(numInferenceSteps - made, scheduleOf(scheduler, numInferenceSteps));
}

/** The least strength that leaves a step, rounded up to hundredths. */
const least = (steps: number): number => Math.ceil(100 / steps) / 100;
