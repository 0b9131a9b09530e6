/** What a feature of `POST /generate` is: one thing that a request may ask for, all that the service knows of it in one file. */
import type { Precision } from "@armature/contract";
import { InvalidRequest } from "@armature/core";
import type { PictureSize } from "@armature/pixels";
import type { z } from "zod";
import type { Adapter } from "../adapters/index.js";
import type { EvaluationCalls } from "../denoise/evaluation-plan.js";
import type { PicturesByPlace } from "../pictures/pictures-by-place.js";
import type { CutTexts } from "../prompts/prompt-embeds.js";
import type { SchedulerConfig } from "../schedulers/scheduler.js";
import type { Served, ServedModel } from "../served/served.js";
import type { GenerateLimits, PathIssue } from "./limits.js";

/** A picture that a request brings. */
export interface RequestPicture {
  /** Where it stands in the request, as a JSON pointer: stages know it by that. */
  place: string;
  /** As the request has it: base64, data: URL or address. In a job the name of a file, or the address. */
  source: string;
  /** What makes of it the picture that is used; undefined: it is used as it is. */
  annotation?: Annotation;
  /** What it decides of a size that is left open. */
  size: SizeRule;
}

/** How a picture decides a size that is left open: by its shape, at about the model's own number of pixels; or it is kept. */
export type SizeRule = "shape" | "kept";

/** A processor of the preprocessor service. */
export interface Annotation {
  processor: string;
  options: Readonly<Record<string, unknown>>;
  /** Where the request names it, as a JSON pointer. */
  place: string;
}

/** What a request is resolved against. */
export interface ResolveContext {
  served: Served;
  /** The one that the request is for. */
  model: ServedModel;
  limits: GenerateLimits;
  /** What a request gets that does not say; undefined: the device has no choice. */
  precision: Precision | undefined;
  /** A seed for a request that names none: 0 to 2^32 - 1. */
  drawSeed: () => number;
}

/** How the picture is sampled: what the feature of that name resolves to. */
export interface Sampling {
  numInferenceSteps: number;
  scheduler: SchedulerConfig;
}

/** What is known of a request once its pictures are made. */
export interface RequestOutcome {
  /** What each evaluation of the scheduler called. */
  evaluations: readonly EvaluationCalls[];
  /** Places of the pictures by which adapters steered at least one of those. */
  steeredBy: ReadonlySet<string>;
  /** The ends of its texts that the text encoder could not take. */
  cutTexts: CutTexts;
  /** The pictures that it brought, as the stages saw them. */
  pictures: PicturesByPlace;
  /** The size that was made. */
  size: PictureSize;
}

/** The pictures of a resolved request, in the order of the features. */
export interface BroughtPictures {
  pictures: readonly RequestPicture[];
}

export interface FeatureDefinition<
  Fields extends z.ZodRawShape,
  Resolved extends object,
  Answer extends AnswerShape = Record<never, never>,
  Denoising extends object = Record<never, never>,
> {
  /** Its fields in a request under a service's limits. One without a default is filled in by `resolve`. */
  fields(limits: GenerateLimits): Fields;
  /** Fields that are right one by one and do not go together. */
  conflicts?(request: z.infer<z.ZodObject<Fields>>, limits: GenerateLimits): Iterable<PathIssue>;
  /** The pictures that it brings, the one that decides first. Asked once `resolve` has refused what is wrong. */
  pictures?(request: z.infer<z.ZodObject<Fields>>, context: ResolveContext): RequestPicture[];
  /** What the request means for the model, as plain JSON, without its pictures. Throws InvalidRequest with a pointer for each wrong field. */
  resolve(request: z.infer<z.ZodObject<Fields>>, context: ResolveContext): Resolved;
  /** Refuses, by InvalidRequest, what does not go with how the picture is sampled. */
  check?(resolved: Resolved & Sampling): void;
  /** Fields that the answer's `parameters` hold in another form than a request; undefined: not at all. */
  answer?: Answer;
  /** The fields that, sent in a request, are resolved to the same. */
  parameters(resolved: Resolved): AnswerOf<Fields, NoInfer<Answer>>;
  /** What was done otherwise than a reader of the request might think, and what of it had no effect: a sentence each. */
  warnings?(resolved: Resolved & Sampling & BroughtPictures, outcome: RequestOutcome): Iterable<string>;
  /** What of it the denoising stage gets, under the stage's names. */
  denoising?(resolved: Resolved): Denoising;
  /** The adapters that steer by its pictures, in their order. */
  adapters?(resolved: Resolved): Adapter[];
  /** The share of an evaluation's usual work that is left or added. */
  cost?(resolved: Resolved, evaluation: Pick<EvaluationCalls, "whole">): number;
}

/** Fields as they are answered: none is left open but what `Answer` says. */
type AnswerOf<Fields extends z.ZodRawShape, Answer extends AnswerShape> = Omit<
  Filled<z.infer<z.ZodObject<Fields>>>,
  keyof Answer
> & { [Name in keyof Answer as Answer[Name] extends z.ZodType ? Name : never]: z.infer<Answer[Name]> };

type AnswerShape = Readonly<Record<string, z.ZodType | undefined>>;

type Filled<T> = { [Name in keyof T]-?: Exclude<T[Name], undefined> };

/** Declares a feature; a row of the table in index.ts makes it part of the contract. */
export const defineFeature = <
  Fields extends z.ZodRawShape,
  Resolved extends object,
  Answer extends AnswerShape = Record<never, never>,
  Denoising extends object = Record<never, never>,
>(
  definition: FeatureDefinition<Fields, Resolved, Answer, Denoising>,
): FeatureDefinition<Fields, Resolved, Answer, Denoising> => definition;

/** A refusal that points at one field. */
export const refusal = (pointer: string, detail: string): InvalidRequest => new InvalidRequest([{ pointer, detail }]);
