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
  denoising: ({ guidanceScale: scale, guidanceRescale: rescale }) => ({ guidance: { scale, rescale } }),
  *warnings({ guidanceScale, guidanceRescale, guidanceInterval: { start, end } }, { evaluations }) {
    if (evaluations.some(({ guided }) => guided)) return;
    if (guidanceScale > 1) {
      const found = `no step of ${evaluations.length} lies whole in guidance_interval [${start}, ${end}]`;
      yield `The guidance_scale has no effect: ${found}`;
    } else if (start > 0 || end < 1) {
      yield `The guidance_interval has no effect: it wants a guidance_scale above 1, found ${guidanceScale}`;
    }
    if (guidanceRescale > 0) yield "The guidance_rescale has no effect: no step has guidance";
  },
});
