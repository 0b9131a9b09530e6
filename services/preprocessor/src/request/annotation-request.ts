/** What a client asks of a processor: options as query parameters or in the JSON body, and the picture. */
import { imageRequest, jsonPointer, parse } from "@armature/contract";
import { InvalidRequest } from "@armature/core";

import { z } from "zod";
import type { Processor } from "../annotators/annotator.js";

export interface AnnotationRequest {
  /** Options of the processor, with defaults where the client named none. */
  options: Record<string, unknown>;
  /** The file itself, where it was the body; else base64, a data: URL or an http(s) URL. */
  image: Buffer | string;
}

/** The JSON form of a request to this processor. */
export function jsonRequest({ options }: Pick<Processor, "options">) {
  return z.strictObject({ ...imageRequest.shape, ...options.shape });
}

/** Checks both places. Throws InvalidRequest that names each wrong field. */
export function annotationRequest(processor: Processor, query: object, body: unknown): AnnotationRequest {
  const options = parse(processor.options, { ...query });
  if (Buffer.isBuffer(body)) return { options, image: body };
  const { image, ...given } = parse(jsonRequest(processor), isObject(body) ? merged({ ...query }, body) : body);
  return { options: given, image };
}

/** An option that stands in both places could be meant either way. */
function merged(query: object, body: object): object {
  const twice = Object.keys(query).filter((field) => Object.hasOwn(body, field));
  if (twice.length === 0) return { ...query, ...body };
  throw new InvalidRequest(
    twice.map((field) => ({ pointer: jsonPointer([field]), detail: "stands in the query and in the body" })),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
