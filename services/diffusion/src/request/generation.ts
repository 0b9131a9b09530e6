/** A planned generation as the engine gets it, and what the answer says of it. Knows neither HTTP nor tensors. */
import type { GenerateParameters } from "@armature/contract";
import type { ControlImage } from "../control-images/prepare.js";
import type { GenerateOutcome, GeneratePayload } from "../engine/jobs.js";
import { type GeneratePlan, sizeLike } from "./plan.js";

/** What was done otherwise than a reader of the request might think. */
export function warningsOf(plan: GeneratePlan, outcome: GenerateOutcome): string[] {
  return [...inEightBits(plan), ...cutPrompt(outcome)];
}

function inEightBits({ precision }: GeneratePlan): string[] {
  return precision === "int8" ? ["Computed in 8 bits (precision int8): close to the exact picture, not equal"] : [];
}

function cutPrompt({ cutPrompt: cut }: GenerateOutcome): string[] {
  return cut ? [`The prompt is too long for the text encoder; this was left out: ${cut}`] : [];
}

/** What the engine is asked for. */
export function toPayload(plan: GeneratePlan, controls: readonly ControlImage[]): GeneratePayload {
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

/** All parameters as they were used: sent again, they give the same picture. */
export function toParameters(
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
