/** Token downsampling (arXiv:2402.13573): self-attention of the finest level looks at a part of its tokens. */
import { z } from "zod";
import { defineFeature } from "./feature.js";

/** Beyond a quarter of rows and columns there is little left to save. */
const MAX_TOKEN_DOWNSAMPLING = 4;

/** The share of work that is left at full size, measured (docs/performance.md). */
const DOWNSAMPLED = 0.8;

export const tokenDownsampling = defineFeature({
  fields: () => ({
    token_downsampling: z
      .int()
      .min(1)
      .max(MAX_TOKEN_DOWNSAMPLING)
      .default(1)
      .describe(
        "Self-attention at the finest level looks at every n-th row and column alone; saves the more, the larger the picture: arXiv:2402.13573",
      ),
  }),
  resolve: ({ token_downsampling }) => ({ tokenDownsampling: token_downsampling }),
  parameters: ({ tokenDownsampling }) => ({ token_downsampling: tokenDownsampling }),
  denoising: ({ tokenDownsampling }) => ({ tokenDownsampling }),
  cost: ({ tokenDownsampling }) => (tokenDownsampling > 1 ? DOWNSAMPLED : 1),
});
