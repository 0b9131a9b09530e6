/** DeepCache (arXiv:2312.00858): steps that reuse the deep features of an earlier one. */
import { z } from "zod";
import { schedulerOf } from "../schedulers/index.js";
import { defineFeature } from "./feature.js";

/** The shallow UNet's share of a whole evaluation, counted at full size (docs/performance.md). */
const SHALLOW = 0.08;

export const deepCache = defineFeature({
  fields: ({ maxSteps }) => ({
    cache_interval: z
      .int()
      .min(1)
      .max(maxSteps)
      .default(1)
      .describe(
        "Every n-th evaluation runs the whole UNet; the others reuse its deep features, at about a tenth of the work: arXiv:2312.00858",
      ),
  }),
  resolve: ({ cache_interval }) => ({ cacheInterval: cache_interval }),
  parameters: ({ cacheInterval }) => ({ cache_interval: cacheInterval }),
  *warnings({ cacheInterval, scheduler }, { evaluations }) {
    if (cacheInterval === 1) return;
    if (evaluations.every(({ whole }) => whole)) {
      yield `The cache_interval saves nothing: none of ${evaluations.length} steps can reuse features of the one before`;
    } else if (schedulerOf(scheduler).renewsNoise) {
      yield `The cache_interval spoils the picture with ${scheduler.name}: every step has new noise, which features of an earlier one do not fit`;
    }
  },
  cost: (_, { whole }) => (whole ? 1 : SHALLOW),
});
