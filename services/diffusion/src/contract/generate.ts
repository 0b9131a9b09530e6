/** `POST /generate`: diffusers' parameters, under diffusers' names. The fields are the features' own. */
import { OUTPUT_FORMATS } from "@armature/contract";
import { z } from "zod";
import { FEATURES, type GenerateParameters, type RequestFields } from "../features/index.js";
import { type GenerateLimits, workIssue } from "../features/limits.js";
import { imageCount } from "../features/seeds.js";

/**
 * The request's schema under a service's limits. Fields without a default are the service's to fill in, from the model that is
 * asked for: its recommended size, steps, guidance and scheduler. `resolveRequest`, which does that, asks `workIssue` again.
 */
export function generateRequest(limits: GenerateLimits) {
  const fields: z.ZodRawShape = Object.assign({}, ...FEATURES.map((feature) => feature.fields(limits)));
  return z.strictObject(fields as RequestFields).superRefine((request, context) => {
    const { width, height, num_inference_steps: steps } = request;
    const work = workIssue({ width, height, steps, images: imageCount(request) }, limits);
    const conflicts = FEATURES.flatMap((feature) => [...(feature.conflicts?.(request, limits) ?? [])]);
    for (const { path, message } of [...conflicts, ...(work ? [work] : [])])
      context.addIssue({ code: "custom", path, message });
  });
}

/** A request whose fields are each right and fit together. */
export type GenerateRequest = z.infer<ReturnType<typeof generateRequest>>;

const whole = z.int().min(0);
const encodedPicture = {
  image: z.string().describe("The file in base64"),
  width: whole,
  height: whole,
  format: z.enum(OUTPUT_FORMATS),
};

/** What was used after all defaults and draws: sent again with the same pictures, it gives the same pictures. */
function generateParameters(limits: GenerateLimits): z.ZodType<GenerateParameters> {
  const answered = FEATURES.map(({ fields, answer }) => answeredFields({ ...filled(fields(limits)), ...answer }));
  // the types of the features hold what they answer to these fields
  return z.strictObject(Object.assign({}, ...answered)) as z.ZodType as z.ZodType<GenerateParameters>;
}

/** Without the fields that are not answered. */
function answeredFields(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined));
}

/** Fields that nobody leaves open. */
function filled(fields: z.ZodRawShape): z.ZodRawShape {
  const entries = Object.entries(fields).map(([name, field]) => {
    const open = field instanceof z.ZodOptional || field instanceof z.ZodDefault;
    return [name, open ? field.unwrap() : field] as const;
  });
  return Object.fromEntries(entries);
}

/** The answer's schema under the limits that requests are under. */
export const generateResponse = (limits: GenerateLimits) =>
  z.strictObject({
    id: z.string().describe("Id of the request, as in the X-Request-Id header and the log"),
    images: z.array(z.strictObject({ ...encodedPicture, seed: whole.describe("Makes this picture again, alone") })),
    control_images: z
      .array(z.strictObject({ type: z.string(), preprocessor: z.string(), ...encodedPicture }))
      .describe("What each ControlNet saw, in the order of the request"),
    parameters: generateParameters(limits),
    computed: z
      .strictObject({
        device: z.enum(["cpu", "webgpu", "cuda"]).describe("What computed"),
        prepared: z
          .array(z.string())
          .describe(
            "Networks that the prepared form of their weights computed, such as sd15 unet; the others took the official files as they lie. On a CPU the two round differently: a few levels of a picture may differ by one",
          ),
      })
      .describe(
        "The same parameters and pictures give the same bytes where this is the same, on processors of one make",
      ),
    warnings: z.array(z.string()).describe("What was done otherwise than a reader of the request might think"),
    timings: z.strictObject({
      queue_ms: z.number().min(0).describe("Waiting for the engine"),
      preprocess_ms: z.number().min(0).describe("Making control images, transfer included"),
      load_ms: z.number().min(0).describe("Loading what was not in memory"),
      inference_ms: z.number().min(0).describe("Text encoder, denoising and decoder"),
      total_ms: z.number().min(0).describe("From the whole request to the finished answer"),
    }),
  });

export type GenerateResponse = z.infer<ReturnType<typeof generateResponse>>;
export type { GenerateParameters };
