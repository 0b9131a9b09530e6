/** Text-to-image, with any number of ControlNets: the method from prompt to pictures, top to bottom. */
import type { RgbImage } from "@armature/pixels";
import { startScheduler } from "../schedulers/index.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import type { ControlNet, Model } from "./components.js";
import { type ControlRequest, type ControlUnit, prepareControl, releaseControls } from "./control.js";
import { decodeLatents } from "./decode.js";
import { type DeepCache, type DenoiseEvents, denoise } from "./denoise.js";
import type { Guidance } from "./guidance.js";
import { encodeTexts } from "./prompt.js";
import type { StepWindow } from "./step-window.js";

export interface GenerateRequest {
  prompt: string;
  negativePrompt: string;
  /** Pixels; multiples of the VAE's scale. */
  width: number;
  height: number;
  /** How many pictures. */
  count: number;
  numInferenceSteps: number;
  /** At most 1: no guidance, and the negative prompt has no effect. */
  guidanceScale: number;
  /** 0..1: how far the guided prediction is brought back to the deviation of the conditional one. */
  guidanceRescale: number;
  /** The steps that guidance applies in; with the text alone in the others, at half the cost. */
  guidanceInterval: StepWindow;
  /** Complete: the model's own with the request's overrides. */
  scheduler: SchedulerConfig;
  eta: number;
  clipSkip: number;
  deepCache: DeepCache | undefined;
  /** As in `DenoiseInputs`. */
  tokenDownsampling: number;
  controls: (ControlRequest & { net: ControlNet })[];
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
  const guidance = guidanceOf(request);

  const prompt = { text: request.prompt, clipSkip: request.clipSkip };
  const negative = { text: request.negativePrompt, clipSkip: 0 }; // as the reference: the skip is the prompt's alone
  const embeds = await encodeTexts(guidance ? [negative, prompt] : [prompt], textEncoder);
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
    const { scheduler: config, numInferenceSteps, eta, deepCache, tokenDownsampling } = request;
    const job = startScheduler({ config, numInferenceSteps, latents, noise, eta });
    const denoised = await denoise(
      unet,
      { job, shape, embeds, guidance, controls, deepCache, tokenDownsampling },
      events,
    );
    events.onLatents?.(denoised);
    const denoiseMs = watch();

    await events.checkpoint();
    const images = await decodeLatents(denoised, shape, vaeDecoder);
    return { images, timings: { promptMs, controlMs, denoiseMs, decodeMs: watch() } };
  } finally {
    releaseControls(controls);
  }
}

function guidanceOf({
  guidanceScale: scale,
  guidanceRescale,
  guidanceInterval,
}: GenerateRequest): Guidance | undefined {
  return scale > 1 ? { scale, rescale: guidanceRescale, interval: guidanceInterval } : undefined;
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
