/** Classifier-free guidance (arXiv:2207.12598): how strongly, and in which steps, the prompt is followed. */
import { z } from "zod";
import { defineFeature } from "./feature.js";

const share = z.number().min(0).max(1);

export const guidance = defineFeature({
  fields: () => ({
    guidance_scale: z
      .number()
      .min(0)
      .max(100)
      .optional()
      .describe(
        "Weight of the prompt; 1 and less: no guidance, half the work. Default: what the model recommends, else 7.5",
      ),
    guidance_rescale: share
      .default(0)
      .describe("How far guidance keeps the deviation of the conditional prediction: φ of arXiv:2305.08891"),
    guidance_interval: z
      .tuple([share, share])
      .default([0, 1])
      .describe(
        "Shares of the steps between which guidance applies; a step outside takes half the work: arXiv:2404.07724",
      ),
  }),
  *conflicts({ guidance_interval: [start, end] }) {
    if (start < end) return;
    yield { path: ["guidance_interval"], message: `wants its start below its end, found ${start} and ${end}` };
  },
  resolve({ guidance_scale, guidance_rescale, guidance_interval: [start, end] }, { model: { recommended } }) {
    return {
      guidanceScale: guidance_scale ?? recommended.guidance_scale,
      guidanceRescale: guidance_rescale,
      guidanceInterval: { start, end },
    };
  },
  parameters: ({ guidanceScale, guidanceRescale, guidanceInterval: { start, end } }) => ({
    guidance_scale: guidanceScale,
    guidance_rescale: guidanceRescale,
    guidance_interval: [start, end] as [number, number],
  }),
});
