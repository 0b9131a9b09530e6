/** One generation from the resolved request to the answer: control images, engine, encoding. Knows neither HTTP nor tensors. */
import { encodeImage } from "@armature/images";
import type { RgbImage } from "@armature/pixels";
import type { GenerateResponse } from "../contract/generate.js";
import { type ControlImageDeps, prepareControlImages } from "../control-images/prepare.js";
import type { EngineProgress, GenerateOutcome, GeneratePayload } from "../engine/jobs.js";
import type { ResolvedRequest } from "../features/index.js";
import { recipeOf } from "../pipelines/index.js";
import { type CompleteRequest, completeRequest } from "./complete.js";
import { toParameters } from "./resolve.js";

export interface GenerationDeps extends ControlImageDeps {
  runEngine(
    payload: GeneratePayload,
    signal: AbortSignal,
    onProgress: (event: EngineProgress) => void,
  ): Promise<GenerateOutcome>;
}

export interface PreparedControls {
  images: RgbImage[];
  preprocessMs: number;
}

/** Makes the control images; may begin while the request still waits for the engine. */
export async function prepareControls(
  { controls }: ResolvedRequest,
  deps: ControlImageDeps,
  signal: AbortSignal,
): Promise<PreparedControls> {
  const start = performance.now();
  const images = await prepareControlImages(controls, deps, signal);
  return { images, preprocessMs: performance.now() - start };
}

export interface Generation {
  outcome: GenerateOutcome;
  /** With the size that it got. */
  request: CompleteRequest;
  controls: PreparedControls;
}

/** Runs the engine. */
export async function runGeneration(
  resolved: ResolvedRequest,
  controls: PreparedControls,
  deps: Pick<GenerationDeps, "runEngine">,
  signal: AbortSignal,
  onProgress: (event: EngineProgress) => void,
): Promise<Generation> {
  const request = completeRequest(resolved, controls.images[0]);
  const payload = { model: request.model, recipe: recipeOf(request), pictures: controls.images };
  return { outcome: await deps.runEngine(payload, signal, onProgress), request, controls };
}

/** The answer's JSON. `queueMs` and `startedAt` (as of performance.now) are the route's own measurements. */
export async function toResponse(
  id: string,
  { outcome, request, controls }: Generation,
  { queueMs, startedAt }: { queueMs: number; startedAt: number },
): Promise<GenerateResponse> {
  const { output, seeds } = request;
  const images = await Promise.all(
    outcome.images.map(async (image, i) => ({ ...(await encoded(image, output)), seed: seeds[i]! })),
  );
  const controlImages = await Promise.all(
    controls.images.map(async (image, i) => ({
      type: request.controls[i]!.type,
      preprocessor: request.controls[i]!.processor,
      ...(await encoded(image, { format: "png" })),
    })),
  );
  return {
    id,
    images,
    control_images: controlImages,
    parameters: toParameters(request),
    warnings: [...inEightBits(request), ...cutPrompt(outcome)],
    timings: {
      queue_ms: queueMs,
      preprocess_ms: controls.preprocessMs,
      load_ms: outcome.timings.loadMs,
      inference_ms: outcome.timings.inferenceMs,
      total_ms: performance.now() - startedAt,
    },
  };
}

function inEightBits({ precision }: ResolvedRequest): string[] {
  return precision === "int8" ? ["Computed in 8 bits (precision int8): close to the exact picture, not equal"] : [];
}

function cutPrompt({ cutPrompt: cut }: GenerateOutcome): string[] {
  return cut ? [`The prompt is too long for the text encoder; this was left out: ${cut}`] : [];
}

async function encoded(image: RgbImage, { format, quality }: ResolvedRequest["output"]) {
  const file = await encodeImage(image, { format, quality });
  return { image: file.toString("base64"), width: image.width, height: image.height, format };
}
