/** `POST /generate`: diffusers' parameters, under diffusers' names. */
import { z } from "zod";
import { type GenerateLimits, issuesAcrossFields } from "./generate-limits.js";
import { modelId, name, schedulerName } from "./names.js";
import { OUTPUT_FORMATS, output } from "./output.js";
import { PRECISIONS } from "./precision.js";

/** JSON knows no larger whole number that stays itself. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER;

/** At 64 pixels the lowest level of the UNet is one latent wide. */
const MIN_SIDE = 64;

/** Beyond a quarter of rows and columns there is little left to save. */
const MAX_TOKEN_DOWNSAMPLING = 4;

const overrideValue = z.union([z.number(), z.boolean(), z.string().max(100), z.null(), z.array(z.number()).max(1000)]);

const overrideKey = /^[a-z][a-z0-9_]*$/;

const scheduler = z.union([
  schedulerName,
  z
    .object({ name: schedulerName.describe("Class name or short name of the scheduler") })
    .catchall(overrideValue)
    .superRefine((value, context) => {
      for (const key of Object.keys(value)) {
        if (overrideKey.test(key)) continue;
        context.addIssue({ code: "custom", path: [key], message: "wants a key of diffusers' scheduler_config.json" });
      }
    }),
]);

const seed = z.union([z.int().min(-1).max(MAX_SEED), z.array(z.int().min(0).max(MAX_SEED)).min(1)]);

const controlNet = z.strictObject({
  type: name.describe("Which ControlNet, such as depth or canny; GET /controlnets lists those served"),
  image: z.string().min(1).describe("The picture to follow: base64, a data: URL, or an http(s) URL"),
  preprocessor: name
    .optional()
    .describe("Processor that makes the control image; none if image is one already. Default: the type's own"),
  preprocessor_options: z
    .record(z.string().regex(overrideKey, "wants the name of an option").max(64), overrideValue)
    .default({})
    .describe("Options of the processor, as GET /processors of the preprocessor service lists them"),
  conditioning_scale: z.number().min(0).max(10).default(1).describe("Strength: the residuals are multiplied by it"),
  control_guidance_start: z.number().min(0).max(1).default(0).describe("Share of the steps at which it sets in"),
  control_guidance_end: z.number().min(0).max(1).default(1).describe("Share of the steps at which it ends"),
  guess_mode: z.boolean().default(false).describe("Follow the control image even where the prompt says nothing"),
});

const share = z.number().min(0).max(1);

/**
 * The request's schema under a service's limits. Fields without a default are the service's to fill in, from the model that is
 * asked for: its recommended size, steps, guidance and scheduler. After that it must ask `workIssue` again.
 */
export function generateRequest(limits: GenerateLimits) {
  const side = z
    .int()
    .min(MIN_SIDE)
    .max(Math.floor(limits.maxPixels / MIN_SIDE / 8) * 8)
    .multipleOf(8)
    .optional();
  return z
    .strictObject({
      model: modelId.optional().describe("Model id; GET /models lists those served. Default: the first of them"),
      prompt: z.string().max(limits.maxPromptLength).describe("What the picture shows"),
      negative_prompt: z.string().max(limits.maxPromptLength).default("").describe("What it shall not show"),
      width: side.describe("Pixels, a multiple of 8. Default: the model's own size"),
      height: side.describe("Pixels, a multiple of 8. Default: the model's own size"),
      num_inference_steps: z
        .int()
        .min(1)
        .max(limits.maxSteps)
        .optional()
        .describe("Denoising steps. Default: what the model recommends, else 50"),
      guidance_scale: z
        .number()
        .min(0)
        .max(100)
        .optional()
        .describe(
          "Weight of the prompt; 1 and less: no guidance, half the work. Default: what the model recommends, else 7.5",
        ),
      guidance_rescale: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe("How far guidance keeps the deviation of the conditional prediction: φ of arXiv:2305.08891"),
      guidance_interval: z
        .tuple([share, share])
        .default([0, 1])
        .describe(
          "Shares of the steps between which guidance applies; a step outside takes half the work: arXiv:2404.07724",
        ),
      cache_interval: z
        .int()
        .min(1)
        .max(limits.maxSteps)
        .default(1)
        .describe(
          "One whole evaluation in so many; the others reuse its deep features, at about a tenth of the work: arXiv:2312.00858",
        ),
      token_downsampling: z
        .int()
        .min(1)
        .max(MAX_TOKEN_DOWNSAMPLING)
        .default(1)
        .describe(
          "Self-attention at the finest level looks at every n-th row and column alone; saves the more, the larger the picture: arXiv:2402.13573",
        ),
      precision: z
        .enum(PRECISIONS)
        .optional()
        .describe(
          "Of UNet and ControlNets, where a CPU computes; int8 is quicker and not exact. Default: the service's",
        ),
      seed: seed
        .optional()
        .describe("Picture i takes seed + i, or item i of a list. -1 or absent: drawn, and reported in the answer"),
      scheduler: scheduler
        .optional()
        .describe(
          "Name, or {name, ...} with further keys of diffusers' scheduler_config.json. Default: the model's own",
        ),
      eta: z.number().min(0).max(1).default(0).describe("Noise added in each DDIM step: η of arXiv:2010.02502"),
      num_images_per_prompt: z
        .int()
        .min(1)
        .max(limits.maxImages)
        .optional()
        .describe("Pictures to make. Default: as many as seed lists, else 1"),
      clip_skip: z.int().min(0).max(24).optional().describe("Last layers of the text encoder to leave out"),
      controlnets: z.array(controlNet).max(limits.maxControlNets).default([]).describe("ControlNets to apply together"),
      output: output.default({ format: "png" }).describe("How the pictures are encoded"),
    })
    .superRefine((request, context) => {
      for (const { path, message } of issuesAcrossFields(request, limits))
        context.addIssue({ code: "custom", path, message });
    });
}

/** A request whose fields are each right and fit together. */
export type GenerateRequest = z.infer<ReturnType<typeof generateRequest>>;

export type ControlNetRequest = z.infer<typeof controlNet>;

const whole = z.int().min(0);
const encodedPicture = {
  image: z.string().describe("The file in base64"),
  width: whole,
  height: whole,
  format: z.enum(OUTPUT_FORMATS),
};

/** What was used after all defaults and draws: sent again with the same pictures, it gives the same pictures. */
export const generateParameters = z.strictObject({
  model: z.string(),
  prompt: z.string(),
  negative_prompt: z.string(),
  width: whole,
  height: whole,
  num_inference_steps: whole,
  guidance_scale: z.number(),
  guidance_rescale: z.number(),
  guidance_interval: z.tuple([z.number(), z.number()]),
  cache_interval: whole,
  token_downsampling: whole,
  precision: z.enum(PRECISIONS).optional().describe("Absent where no CPU computes"),
  seed: z.array(whole).describe("One for each picture"),
  scheduler: z.object({ name: z.string() }).catchall(overrideValue),
  eta: z.number(),
  num_images_per_prompt: whole,
  clip_skip: whole.optional(),
  controlnets: z.array(
    controlNet
      .omit({ image: true })
      .extend({ preprocessor: z.string(), preprocessor_options: z.record(z.string(), overrideValue) }),
  ),
  output,
});

export const generateResponse = z.strictObject({
  id: z.string().describe("Id of the request, as in the X-Request-Id header and the log"),
  images: z.array(z.strictObject({ ...encodedPicture, seed: whole.describe("Makes this picture again, alone") })),
  control_images: z
    .array(z.strictObject({ type: z.string(), preprocessor: z.string(), ...encodedPicture }))
    .describe("What each ControlNet saw, in the order of the request"),
  parameters: generateParameters,
  warnings: z.array(z.string()).describe("What was done otherwise than a reader of the request might think"),
  timings: z.strictObject({
    queue_ms: z.number().min(0).describe("Waiting for the engine"),
    preprocess_ms: z.number().min(0).describe("Making control images, transfer included"),
    load_ms: z.number().min(0).describe("Loading what was not in memory"),
    inference_ms: z.number().min(0).describe("Text encoder, denoising and decoder"),
    total_ms: z.number().min(0).describe("From the whole request to the finished answer"),
  }),
});

export type GenerateParameters = z.infer<typeof generateParameters>;
export type GenerateResponse = z.infer<typeof generateResponse>;
