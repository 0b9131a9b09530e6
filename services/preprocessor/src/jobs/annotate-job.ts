/**
 * One annotation as a job. What it waits for is its picture's file, fetched if need be; the file is decoded when the job's turn is near;
 * the engine annotates; the control image is encoded while the engine has the next one. Knows neither HTTP nor tensors.
 */
import { inField } from "@armature/contract";
import { type DecodeLimits, decodeImage, encodeImage } from "@armature/images";
import { blobName, type JobKind, type JobSpec, type JobTypes } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import { pictureReference, referencedPicture } from "@armature/service";
import type PQueue from "p-queue";
import type { AnnotateOutcome, AnnotatePayload } from "../engine/calls.js";
import type { AnnotationRequest } from "../request/annotation-request.js";

/** Lossless both. */
export type ControlImageFormat = "webp" | "png";

interface AnnotateInput {
  processor: string;
  options: Record<string, unknown>;
  format: ControlImageFormat;
  /** A blob's name, or an address. */
  picture: string;
  /** JSON pointer to the picture in the request, or nothing if it was the body. */
  pointer?: string;
}

export interface AnnotateJob extends JobTypes {
  output: { blob: string };
  result: { width: number; height: number; inferenceMs: number };
}

/** Which pictures a request may bring. */
export interface PictureSources {
  maxBodyBytes: number;
  /** Undefined where pictures by URL are switched off. */
  sources: SourcePolicy | undefined;
}

export interface AnnotateJobDeps extends PictureSources {
  decodeLimits: DecodeLimits;
  /** Gets what was wrong with a picture that was taken all the same. */
  warn(text: string): void;
  /** How many pictures are fetched, decoded and encoded at once. */
  fetching: PQueue;
  decoding: PQueue;
  encoding: PQueue;
  runEngine(payload: AnnotatePayload, signal: AbortSignal): Promise<AnnotateOutcome>;
}

export const ANNOTATE = "annotate";

/** The annotation of a request's picture as a job, and the file that goes with it. */
export async function annotateSpec(
  { image, ...wanted }: Pick<AnnotateInput, "processor" | "options" | "format"> & Pick<AnnotationRequest, "image">,
  { maxBodyBytes: maxBytes, sources }: PictureSources,
  who: Pick<JobSpec, "client" | "deadlineMs">,
): Promise<{ spec: JobSpec<AnnotateInput>; files: Buffer[] }> {
  const { name, file, pointer } = Buffer.isBuffer(image)
    ? { name: blobName(image), file: image, pointer: undefined }
    : { ...(await pictureReference(image, { pointer: POINTER, maxBytes, sources })), pointer: POINTER };
  const input = { ...wanted, picture: name, pointer };
  return { spec: { ...who, kind: ANNOTATE, cost: 1, input }, files: file ? [file] : [] };
}

const POINTER = "/image";

/** Does annotations: the same bytes give the same bytes. */
export function annotateKind(deps: AnnotateJobDeps): JobKind<AnnotateInput, Buffer, AnnotateOutcome, RgbImage> {
  const { maxBodyBytes: maxBytes, sources, decodeLimits, warn, fetching, decoding, encoding, runEngine } = deps;
  return {
    needsPreparation: ({ picture }) => !picture.startsWith("sha256:"),
    prepare: ({ picture, pointer = "" }, job) =>
      referencedPicture(picture, { pointer, maxBytes, sources, fetching }, job),
    unpack({ pointer }, file, { signal }) {
      const decode = () => decodeImage(file, decodeLimits, { signal, onWarning: warn });
      return decoding.add(() => (pointer === undefined ? decode() : inField(pointer, decode)), { signal });
    },
    async run({ processor, options }, image, { signal }) {
      const outcome = await runEngine({ processor, options, image }, signal);
      await encoding.onSizeLessThan(1); // keeps the slot, so that control images do not pile up before a slower encoder
      return outcome;
    },
    async finish({ format }, { image, inferenceMs }, job) {
      const file = await encoding.add(() => encodeImage(image, { format }), { signal: job.signal });
      await job.output(file, {});
      return { width: image.width, height: image.height, inferenceMs };
    },
  };
}
