import { z } from "zod";

/** Models of an answer that were found under MODELS_DIR, and cannot work. */
export const leftOut = z
  .array(
    z.strictObject({
      id: z.string().describe("The folder's path under MODELS_DIR"),
      reason: z.string().describe("What is wrong with its files"),
    }),
  )
  .describe("Found under MODELS_DIR, but not served because it cannot work");
