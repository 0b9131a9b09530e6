/** Fills in what a request leaves open, and refuses by name what this service cannot do. Nothing is loaded or drawn twice. */
import {
  defaultProcessor,
  type GenerateLimits,
  type GenerateRequest,
  imageCount,
  type Precision,
  workIssue,
} from "@armature/contract";
import { type FieldIssue, InvalidRequest, nearest } from "@armature/core";
import { jsonPointer } from "@armature/http";
import type { Catalogue, ModelEntry } from "../engine/catalogue.js";
import { familyOf } from "../families/index.js";
import type { SchedulerConfig } from "../schedulers/config.js";
import { scheduleOf } from "../schedulers/index.js";
import { resolveScheduler } from "../schedulers/resolve.js";
import { estimatedWork } from "./work.js";

export interface GeneratePlan {
  request: GenerateRequest;
  model: ModelEntry;
  scheduler: SchedulerConfig;
  numInferenceSteps: number;
  guidanceScale: number;
  /** Of UNet and ControlNets; undefined: the device has no choice. */
  precision: Precision | undefined;
  seeds: number[];
  /** Undefined: shaped like the first control picture, with about as many pixels as `defaultSide` squared. */
  size: { width: number; height: number } | undefined;
  defaultSide: number;
  /** Pixels x evaluations x pictures, less what the request saves: the estimate of work. */
  cost: number;
}

export interface PlanContext {
  catalogue: Catalogue;
  limits: GenerateLimits;
  /** What a request gets that does not say; undefined: the device has no choice. */
  precision: Precision | undefined;
  /** A seed for a request that names none: 0 to 2^32 - 1. */
  drawSeed: () => number;
}

/** Throws InvalidRequest with a pointer for each wrong field. */
export function planGeneration(request: GenerateRequest, context: PlanContext): GeneratePlan {
  const { catalogue, limits, drawSeed } = context;
  const model = findModel(request.model, catalogue);
  requireControlNets(request, model, catalogue);
  requireClipSkip(request, model);
  const defaultSide = model.unet.sampleSize * model.latents.scale;
  const size = sizeOf(request, defaultSide);
  const numInferenceSteps = request.num_inference_steps ?? model.recommended.num_inference_steps;
  const guidanceScale = request.guidance_scale ?? model.recommended.guidance_scale;
  requireMultiples(size, model);
  const { width, height } = size ?? { width: defaultSide, height: defaultSide };
  const tooMuch = workIssue({ ...request, width, height, num_inference_steps: numInferenceSteps }, limits);
  if (tooMuch) throw new InvalidRequest([{ pointer: jsonPointer(tooMuch.path), detail: tooMuch.message }]);
  const scheduler = resolveScheduler(request.scheduler ?? model.recommended.scheduler, model.schedulerConfig);
  const evaluations = scheduleOf(scheduler, numInferenceSteps).timesteps.length;
  const seeds = seedsOf(request, drawSeed);
  const precision = precisionOf(request, context);
  const pixels = width * height * seeds.length;
  const cost = estimatedWork(request, { evaluations, guidanceScale, precision, pixels });
  return { request, model, scheduler, numInferenceSteps, guidanceScale, precision, seeds, size, defaultSide, cost };
}

/** The size of a picture like `picture` with about `side` squared pixels, in multiples of 8 and at least 64. */
export function sizeLike(picture: { width: number; height: number }, side: number): { width: number; height: number } {
  const factor = side / Math.sqrt(picture.width * picture.height);
  const round = (pixels: number) => Math.min(side * 4, Math.max(64, Math.round((pixels * factor) / 8) * 8));
  return { width: round(picture.width), height: round(picture.height) };
}

function findModel(id: string | undefined, { models }: Catalogue): ModelEntry {
  const found = id === undefined ? models[0] : models.find((model) => model.id === id);
  if (found) return found;
  throw invalid(
    "/model",
    unknown(
      "model",
      id ?? "",
      models.map((model) => model.id),
    ),
  );
}

function requireControlNets({ controlnets }: GenerateRequest, model: ModelEntry, catalogue: Catalogue): void {
  const types = catalogue.controlnets.map(({ type }) => type);
  const issues: FieldIssue[] = [];
  for (const [i, { type, preprocessor, preprocessor_options: options }] of controlnets.entries()) {
    const net = catalogue.controlnets.find((candidate) => candidate.type === type);
    if (!net) issues.push({ pointer: `/controlnets/${i}/type`, detail: unknown("ControlNet", type, types) });
    else if (!familyOf(model.family).takesControlNet(net.config, model)) {
      issues.push({ pointer: `/controlnets/${i}/type`, detail: `${net.id} was not made for a model like ${model.id}` });
    }
    if ((preprocessor ?? defaultProcessor(type)) === "none" && Object.keys(options).length > 0) {
      issues.push({
        pointer: `/controlnets/${i}/preprocessor_options`,
        detail: "no preprocessor runs that could take them",
      });
    }
  }
  if (issues.length > 0) throw new InvalidRequest(issues);
}

function requireClipSkip({ clip_skip: clipSkip }: GenerateRequest, { id, text }: ModelEntry): void {
  if (clipSkip === undefined || clipSkip < text.layers) return;
  throw invalid("/clip_skip", `wants at most ${text.layers - 1}: the text encoder of ${id} has ${text.layers} layers`);
}

function requireMultiples(
  size: { width: number; height: number } | undefined,
  { latents: { scale }, id }: ModelEntry,
): void {
  const wrong = Object.entries(size ?? {}).filter(([, pixels]) => pixels % scale !== 0);
  const issues = wrong.map(([side, pixels]) => ({
    pointer: `/${side}`,
    detail: `wants a multiple of ${scale} for ${id}, found ${pixels}`,
  }));
  if (issues.length > 0) throw new InvalidRequest(issues);
}

/** Both sides, or one of them and the model's own for the other; neither: the control picture decides, if there is one. */
function sizeOf({ width, height, controlnets }: GenerateRequest, side: number) {
  if (width === undefined && height === undefined && controlnets.length > 0) return undefined;
  return { width: width ?? side, height: height ?? side };
}

function precisionOf({ precision }: GenerateRequest, { precision: own }: PlanContext): Precision | undefined {
  if (precision === undefined || own !== undefined) return precision ?? own;
  throw invalid("/precision", "wants nothing: no CPU computes here, and a GPU has the type that GET /models shows");
}

function seedsOf(request: GenerateRequest, drawSeed: () => number): number[] {
  const { seed } = request;
  if (Array.isArray(seed)) return seed;
  const first = seed === undefined || seed < 0 ? drawSeed() : seed;
  return Array.from({ length: imageCount(request) }, (_, i) => first + i);
}

function unknown(kind: string, name: string, known: string[]): string {
  const near = nearest(name, known);
  return `there is no ${kind} ${JSON.stringify(name)} here; ${near ? `did you mean ${near}? ` : ""}served: ${known.join(", ") || "none"}`;
}

function invalid(pointer: string, detail: string): InvalidRequest {
  return new InvalidRequest([{ pointer, detail }]);
}
