/** The table of features. A new field of a request is a file of its own and a row here. */
import type { z } from "zod";
import { controlNets } from "./controlnets.js";
import { deepCache } from "./deep-cache.js";
import type { BroughtPictures, FeatureDefinition } from "./feature.js";
import { guidance } from "./guidance.js";
import { image } from "./image.js";
import { model } from "./model.js";
import { output } from "./output.js";
import { precision } from "./precision.js";
import { prompt } from "./prompt.js";
import { sampling } from "./sampling.js";
import { seeds } from "./seeds.js";
import { size } from "./size.js";
import { tokenDownsampling } from "./token-downsampling.js";

const TABLE = [
  model,
  prompt,
  image,
  size,
  sampling,
  guidance,
  deepCache,
  tokenDownsampling,
  precision,
  seeds,
  controlNets,
  output,
] as const;

/** All features, for what is done for each of them. */
export const FEATURES: readonly FeatureDefinition<z.ZodRawShape, object, Record<string, z.ZodType | undefined>>[] =
  TABLE;

type Row = (typeof TABLE)[number];

/** The fields of a request, by their names on the wire. */
export type RequestFields = Flat<ReturnType<Row["fields"]>>;

/** A request as it was resolved against the model that it is for: plain JSON. */
export interface ResolvedRequest extends Resolved, BroughtPictures {}

type Resolved = Flat<ReturnType<Row["resolve"]>>;

/** What the denoising stage gets of all features, under its own names. */
type Denoising = Flat<ReturnType<NonNullable<Row["denoising"]>>>;

export const denoisingOf = (request: Omit<ResolvedRequest, "size">): Denoising =>
  Object.assign({}, ...FEATURES.map((feature) => feature.denoising?.(request)));

/** The fields that, sent in a request, are resolved to the same. */
export type GenerateParameters = Flat<ReturnType<Row["parameters"]>>;

/** All members of a union of objects in one object. */
type Flat<Union> = (Union extends unknown ? (member: Union) => void : never) extends (all: infer All) => void
  ? { [Name in keyof All]: All[Name] }
  : never;
