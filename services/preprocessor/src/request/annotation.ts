/** One picture from its file to its control image's file. Knows neither HTTP nor tensors. */
import { inField } from "@armature/contract";

import { type DecodeLimits, decodeImage, encodeImage } from "@armature/images";
import type { SourcePolicy } from "@armature/net";
import type { AnnotateOutcome, AnnotatePayload } from "../engine/jobs.js";

export interface AnnotationDeps {
  decodeLimits: DecodeLimits;
  maxBodyBytes: number;
  /** Undefined where pictures by URL are switched off. */
  sources: SourcePolicy | undefined;
  runEngine(payload: AnnotatePayload, signal: AbortSignal): Promise<AnnotateOutcome>;
}

/** A picture's file, and where in the request it stood. */
export interface PictureFile {
  bytes: Uint8Array;
  /** JSON pointer to the field, or nothing if the picture was the body. */
  pointer: string | undefined;
}

export type OutputFormat = "webp" | "png";

export interface Annotation {
  file: Buffer;
  width: number;
  height: number;
  inferenceMs: number;
}

/** Decodes, lets the engine work, encodes without loss; the same bytes give the same bytes. */
export async function annotate(
  picture: PictureFile,
  { format, ...job }: Omit<AnnotatePayload, "image"> & { format: OutputFormat },
  { decodeLimits, runEngine }: AnnotationDeps,
  signal: AbortSignal,
): Promise<Annotation> {
  const decode = () => decodeImage(picture.bytes, decodeLimits);
  const decoded = await (picture.pointer === undefined ? decode() : inField(picture.pointer, decode));
  const { image, inferenceMs } = await runEngine({ ...job, image: decoded }, signal);
  return { file: await encodeImage(image, { format }), width: image.width, height: image.height, inferenceMs };
}
