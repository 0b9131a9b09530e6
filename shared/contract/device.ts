/** What computes in a service, and what its checks found: part of `GET /models` and `GET /processors`. */
import { z } from "zod";

export const deviceInfo = z.strictObject({
  name: z.enum(["cpu", "webgpu", "cuda"]).describe("What computes"),
  profile: z.string().describe("The forms in which it computes, those that its checks have shown right"),
  vae_profile: z.string().optional().describe("The same for the decoder of pictures, where it has its own"),
  checks: z
    .array(
      z.strictObject({
        check: z.string(),
        type: z.enum(["float32", "float16"]),
        passed: z.boolean(),
        error: z
          .number()
          .min(0)
          .optional()
          .describe("The largest error, as a share of the largest number of the answer"),
        limit: z.number().min(0).describe("What is allowed"),
        ms: z.number().min(0),
        reason: z.string().optional().describe("Why it did not pass"),
      }),
    )
    .describe("Empty on the CPU, which needs none"),
  rejected: z
    .array(z.strictObject({ form: z.string(), reason: z.string() }))
    .describe("What was tried at the start and is not used"),
  memory: z
    .strictObject({
      checked: z.boolean().describe("Whether requests that need more than there is are refused before they start"),
      source: z.string().describe("Who says how much there is, or why nobody does"),
      bytes: z.int().min(0).optional().describe("All that there is, or that the service may use"),
      reserve: z.int().min(0).describe("Bytes that no request gets"),
    })
    .optional()
    .describe("Of a GPU, as it was at the start"),
});

export type DeviceInfo = z.infer<typeof deviceInfo>;
export type DeviceMemoryInfo = NonNullable<DeviceInfo["memory"]>;
