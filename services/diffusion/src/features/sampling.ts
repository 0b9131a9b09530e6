/** How the picture is sampled: by which scheduler, in how many steps. */
import { schedulerName } from "@armature/contract";
import { z } from "zod";
import { schedulerOf } from "../schedulers/index.js";
import { resolveSchedule, resolveScheduler } from "../served/resolve-scheduler.js";
import { defineFeature } from "./feature.js";
import { optionName, optionValue } from "./option-values.js";

const scheduler = z.union([
  schedulerName,
  z
    .object({ name: schedulerName.describe("Class name or short name of the scheduler") })
    .catchall(optionValue)
    .superRefine((value, context) => {
      for (const key of Object.keys(value)) {
        if (optionName.test(key)) continue;
        context.addIssue({ code: "custom", path: [key], message: "wants a key of diffusers' scheduler_config.json" });
      }
    }),
]);

const completeScheduler = z.object({ name: z.string() }).catchall(optionValue);

export const sampling = defineFeature({
  fields: ({ maxSteps }) => ({
    num_inference_steps: z
      .int()
      .min(1)
      .max(maxSteps)
      .optional()
      .describe("Denoising steps. Default: what the model recommends, else 50"),
    scheduler: scheduler
      .optional()
      .describe("Name, or {name, ...} with further keys of diffusers' scheduler_config.json. Default: the model's own"),
    eta: z.number().min(0).max(1).default(0).describe("Noise added in each DDIM step: η of arXiv:2010.02502"),
  }),
  resolve({ num_inference_steps, scheduler: asked, eta }, { model: { recommended, schedulerConfig } }) {
    const numInferenceSteps = num_inference_steps ?? recommended.num_inference_steps;
    const scheduler = resolveScheduler(asked ?? recommended.scheduler, schedulerConfig);
    resolveSchedule(scheduler, numInferenceSteps); // refuses steps that the scheduler cannot make
    return { numInferenceSteps, scheduler, eta };
  },
  answer: { scheduler: completeScheduler },
  parameters: ({ numInferenceSteps, scheduler, eta }) => ({
    num_inference_steps: numInferenceSteps,
    scheduler: scheduler as z.infer<typeof completeScheduler>,
    eta,
  }),
  denoising: ({ numInferenceSteps, scheduler, eta }) => ({ numInferenceSteps, scheduler, eta }),
  *warnings({ scheduler, eta }) {
    if (eta > 0 && !schedulerOf(scheduler).takesEta) {
      yield `The eta has no effect: it is DDIMScheduler's, and ${scheduler.name} has no use for it`;
    }
  },
});
