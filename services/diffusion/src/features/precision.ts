/** In what numbers UNet and ControlNets compute on a CPU. */
import { PRECISIONS, type Precision } from "@armature/contract";
import { z } from "zod";
import { defineFeature, refusal } from "./feature.js";

/** The share of work that is left in 8 bits at full size, measured (docs/performance.md). */
const INT8 = 0.6;

export const precision = defineFeature({
  fields: () => ({
    precision: z
      .enum(PRECISIONS)
      .optional()
      .describe("Of UNet and ControlNets, where a CPU computes; int8 is quicker and not exact. Default: the service's"),
  }),
  resolve({ precision: asked }, { precision: usual }): { precision: Precision | undefined } {
    if (asked === undefined || usual !== undefined) return { precision: asked ?? usual };
    const detail = "wants nothing: no CPU computes here, and a GPU has the type that GET /models shows";
    throw refusal("/precision", detail);
  },
  answer: { precision: z.enum(PRECISIONS).optional().describe("Absent where no CPU computes") },
  parameters: ({ precision }) => ({ precision }),
  denoising: ({ precision }) => ({ precision }),
  *warnings({ precision }) {
    if (precision === "int8") yield "Computed in 8 bits (precision int8): close to the exact picture, not equal";
  },
  cost: ({ precision }) => (precision === "int8" ? INT8 : 1),
});
