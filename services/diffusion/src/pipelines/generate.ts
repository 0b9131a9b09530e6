/** Text-to-image, with any number of ControlNets: the method from prompt to pictures, top to bottom. */
import type { RgbImage } from "@armature/pixels";
import { decodeLatents } from "../decode/decode-latents.js";
import type { ControlNet, Model, ShallowUNet } from "../denoise/components.js";
import { type ControlRequest, type ControlUnit, prepareControl, releaseControls } from "../denoise/control.js";
import { type DenoiseEvents, denoise } from "../denoise/denoise.js";
import { isGuided, planEvaluations } from "../denoise/evaluation-plan.js";
import { encodeTexts } from "../denoise/prompt.js";
import type { ResolvedRequest } from "../features/index.js";
import type { Size } from "../features/size.js";
import { startScheduler } from "../schedulers/index.js";

/** A resolved request with its pictures and networks at hand. */
export interface GenerateRequest
  extends Omit<ResolvedRequest, "model" | "precision" | "seeds" | "size" | "controls" | "output">,
    Size {
  /** How many pictures. */
  count: number;
  controls: (ControlRequest & { net: ControlNet })[];
  /** Where the request has a cache interval. */
  shallow: ShallowUNet | undefined;
}

/** Draws the next values, for all pictures: [N, 4, h, w] flat. The only source of chance. */
export type NoiseSource = (count: number) => Float32Array;

/** Milliseconds of each stage. */
export interface StageTimings {
  promptMs: number;
  controlMs: number;
  denoiseMs: number;
  decodeMs: number;
}

export interface GenerateResult {
  images: RgbImage[];
  timings: StageTimings;
}

export interface GenerateEvents extends DenoiseEvents {
  /** Milliseconds. */
  now: () => number;
  onLatents?: (latents: Float32Array) => void;
}

/** Makes the pictures. Same noise, same numbers: nothing here has a state. */
export async function generate(
  model: Model,
  request: GenerateRequest,
  noise: NoiseSource,
  events: GenerateEvents,
): Promise<GenerateResult> {
  const watch = stopwatch(events.now);
  const { unet, textEncoder, vaeDecoder } = model;

  const prompt = { text: request.prompt, clipSkip: request.clipSkip ?? 0 };
  const negative = { text: request.negativePrompt, clipSkip: 0 }; // as the reference: the skip is the prompt's alone
  const embeds = await encodeTexts(isGuided(request) ? [negative, prompt] : [prompt], textEncoder);
  const promptMs = watch();

  const controls: ControlUnit[] = [];
  try {
    for (const { net, ...control } of request.controls) {
      await events.checkpoint();
      controls.push(await prepareControl(net, control, request.width, request.height));
    }
    const controlMs = watch();

    const { scale } = vaeDecoder.config;
    const shape = [
      request.count,
      vaeDecoder.config.latentChannels,
      request.height / scale,
      request.width / scale,
    ] as const;
    const latents = noise(shape.reduce((product, size) => product * size, 1));
    const { scheduler: config, numInferenceSteps, eta, shallow, tokenDownsampling } = request;
    const job = startScheduler({ config, numInferenceSteps, latents, noise, eta });
    const plan = planEvaluations(request, job.evaluations);
    const guidance = { scale: request.guidanceScale, rescale: request.guidanceRescale };
    const inputs = { job, shape, embeds, plan, guidance, controls, shallow, tokenDownsampling };
    const denoised = await denoise(unet, inputs, events);
    events.onLatents?.(denoised);
    const denoiseMs = watch();

    await events.checkpoint();
    const images = await decodeLatents(denoised, shape, vaeDecoder);
    return { images, timings: { promptMs, controlMs, denoiseMs, decodeMs: watch() } };
  } finally {
    releaseControls(controls);
  }
}

/** Each call gives the milliseconds since the one before. */
function stopwatch(now: () => number): () => number {
  let last = now();
  return () => {
    const before = last;
    last = now();
    return last - before;
  };
}
