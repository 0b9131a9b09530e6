/** One generation from the planned request to the answer: control images, engine, encoding. Knows neither HTTP nor tensors. */
import type { GenerateParameters, GenerateResponse } from "@armature/contract";
import { encodeImage } from "@armature/images";
import type { RgbImage } from "@armature/pixels";
import { type ControlImage, type ControlImageDeps, prepareControlImages } from "../control-images/prepare.js";
import type { EngineProgress, GenerateOutcome, GeneratePayload } from "../engine/jobs.js";
import { type GeneratePlan, sizeLike } from "./plan.js";

export interface GenerationDeps extends ControlImageDeps {
  runEngine(
    payload: GeneratePayload,
    signal: AbortSignal,
    onProgress: (event: EngineProgress) => void,
  ): Promise<GenerateOutcome>;
}

export interface PreparedControls {
  images: ControlImage[];
  preprocessMs: number;
}

/** Makes the control images; may begin while the request still waits for the engine. */
export async function prepareControls(
  plan: GeneratePlan,
  deps: ControlImageDeps,
  signal: AbortSignal,
): Promise<PreparedControls> {
  const start = performance.now();
  const images = await prepareControlImages(plan.request.controlnets, deps, signal);
  return { images, preprocessMs: performance.now() - start };
}

export interface Generation {
  outcome: GenerateOutcome;
  payload: GeneratePayload;
  controls: PreparedControls;
}

/** Runs the engine. */
export async function runGeneration(
  plan: GeneratePlan,
  controls: PreparedControls,
  deps: Pick<GenerationDeps, "runEngine">,
  signal: AbortSignal,
  onProgress: (event: EngineProgress) => void,
): Promise<Generation> {
  const payload = toPayload(plan, controls.images);
  return { outcome: await deps.runEngine(payload, signal, onProgress), payload, controls };
}

/** The answer's JSON. `queueMs` and `startedAt` (as of performance.now) are the route's own measurements. */
export async function toResponse(
  id: string,
  plan: GeneratePlan,
  { outcome, payload, controls }: Generation,
  { queueMs, startedAt }: { queueMs: number; startedAt: number },
): Promise<GenerateResponse> {
  const { output, controlnets } = plan.request;
  const { loadMs, promptMs, controlMs, denoiseMs, decodeMs } = outcome.timings;
  const images = await Promise.all(
    outcome.images.map(async (image, i) => ({ ...(await encoded(image, output)), seed: plan.seeds[i]! })),
  );
  const controlImages = await Promise.all(
    controls.images.map(async ({ image, processor }, i) => ({
      type: controlnets[i]!.type,
      preprocessor: processor,
      ...(await encoded(image, { format: "png" })),
    })),
  );
  return {
    id,
    images,
    control_images: controlImages,
    parameters: toParameters(plan, payload, controls.images),
    warnings: [...inEightBits(plan), ...cutPrompt(outcome)],
    timings: {
      queue_ms: queueMs,
      preprocess_ms: controls.preprocessMs,
      load_ms: loadMs,
      inference_ms: promptMs + controlMs + denoiseMs + decodeMs,
      total_ms: performance.now() - startedAt,
    },
  };
}

function inEightBits({ precision }: GeneratePlan): string[] {
  return precision === "int8" ? ["Computed in 8 bits (precision int8): close to the exact picture, not equal"] : [];
}

function cutPrompt({ cutPrompt: cut }: GenerateOutcome): string[] {
  return cut ? [`The prompt is too long for the text encoder; this was left out: ${cut}`] : [];
}

function toPayload(plan: GeneratePlan, controls: readonly ControlImage[]): GeneratePayload {
  const { request, model } = plan;
  const size = plan.size ?? sizeLike(controls[0]!.image, plan.defaultSide);
  return {
    model: model.id,
    prompt: request.prompt,
    negativePrompt: request.negative_prompt,
    ...size,
    numInferenceSteps: plan.numInferenceSteps,
    guidanceScale: plan.guidanceScale,
    guidanceRescale: request.guidance_rescale,
    guidanceInterval: toWindow(request.guidance_interval),
    scheduler: plan.scheduler,
    eta: request.eta,
    clipSkip: request.clip_skip ?? 0,
    cacheInterval: request.cache_interval,
    tokenDownsampling: request.token_downsampling,
    precision: plan.precision,
    seeds: plan.seeds,
    controls: request.controlnets.map((net, i) => ({
      type: net.type,
      image: controls[i]!.image,
      conditioningScale: net.conditioning_scale,
      start: net.control_guidance_start,
      end: net.control_guidance_end,
      guessMode: net.guess_mode,
    })),
  };
}

function toWindow([start, end]: GenerateParameters["guidance_interval"]) {
  return { start, end };
}

function toParameters(
  { request, model, precision, seeds }: GeneratePlan,
  payload: GeneratePayload,
  controls: readonly ControlImage[],
) {
  return {
    model: model.id,
    prompt: request.prompt,
    negative_prompt: request.negative_prompt,
    width: payload.width,
    height: payload.height,
    num_inference_steps: payload.numInferenceSteps,
    guidance_scale: payload.guidanceScale,
    guidance_rescale: payload.guidanceRescale,
    guidance_interval: request.guidance_interval,
    cache_interval: request.cache_interval,
    token_downsampling: request.token_downsampling,
    ...(precision && { precision }),
    seed: seeds,
    scheduler: payload.scheduler as GenerateParameters["scheduler"],
    eta: request.eta,
    num_images_per_prompt: seeds.length,
    ...(request.clip_skip === undefined ? {} : { clip_skip: request.clip_skip }),
    controlnets: request.controlnets.map(({ image: _, ...net }, i) => ({
      ...net,
      preprocessor: controls[i]!.processor,
    })),
    output: request.output,
  };
}

async function encoded(image: RgbImage, { format, quality }: GenerateParameters["output"]) {
  const file = await encodeImage(image, { format, quality });
  return { image: file.toString("base64"), width: image.width, height: image.height, format };
}
