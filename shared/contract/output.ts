/** The file formats in which pictures are answered. */
import { z } from "zod";

export const OUTPUT_FORMATS = ["png", "webp", "jpeg"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Beyond this the file grows quickly and nobody sees a difference. */
export const DEFAULT_JPEG_QUALITY = 95;

export const output = z.strictObject({
  format: z.enum(OUTPUT_FORMATS).default("png").describe("File format of the pictures"),
  quality: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe(`For jpeg (default ${DEFAULT_JPEG_QUALITY}) and webp (default: lossless)`),
});
