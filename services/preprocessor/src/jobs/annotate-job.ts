/**
 * One annotation as a job. What it waits for is its picture's file, fetched if need be; the file is decoded when the job's turn is near;
 * the engine annotates; the control image is encoded while the engine has the next one. Knows neither HTTP nor tensors.
 */
import { inField } from "@armature/contract";
import type { ByteBudget, Inflight } from "@armature/core";
import { type DecodeLimits, decodeImage, encodeImage, encodingBytes } from "@armature/images";
import { blobName, type JobKind, type JobSpec, type JobTypes } from "@armature/jobs";
import type { SourcePolicy } from "@armature/net";
import type { RgbImage } from "@armature/pixels";
import { decodingNeeds, pictureReference, referencedPicture, roomForPixels } from "@armature/service";
import type PQueue from "p-queue";
import type { AnnotateOutcome, AnnotatePayload } from "../engine/calls.js";
import type { AnnotationRequest } from "../request/annotation-request.js";

/** Lossless both. */
export type ControlImageFormat = "webp" | "png";

interface AnnotateInput {
  processor: string;
  options: Record<string, unknown>;
  /** Formats that the client takes, the best first. */
  formats: readonly ControlImageFormat[];
  /** A blob's name, or an address. */
  picture: string;
  /** JSON pointer to the picture in the request, or nothing if it was the body. */
  pointer?: string;
}

export interface AnnotateJob extends JobTypes {
  output: { blob: string };
  result: { width: number; height: number; format: ControlImageFormat; inferenceMs: number };
}

/** The pictures that a request may bring. */
export interface PictureSources {
  maxBodyBytes: number;
  /** Undefined where pictures by URL are switched off. */
  sources: SourcePolicy | undefined;
}

export interface AnnotateJobDeps extends PictureSources {
  decodeLimits: DecodeLimits;
  /** What fetched files and decoded pictures are held against. */
  inflight: Inflight;
  /** How many pictures are fetched, decoded and encoded at once. */
  fetching: PQueue;
  decoding: PQueue;
  encoding: PQueue;
  /** Gets what was wrong with a picture that was taken all the same. */
  warn(text: string): void;
  runEngine(payload: AnnotatePayload, signal: AbortSignal): Promise<AnnotateOutcome>;
}

export const ANNOTATE = "annotate";

/** The annotation of a request's picture as a job, and the file that goes with it. */
export async function annotateSpec(
  { image, ...wanted }: Pick<AnnotateInput, "processor" | "options" | "formats"> & Pick<AnnotationRequest, "image">,
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

/** A picture on its way, and what its control image will be. */
interface Unpacked {
  image: RgbImage;
  format: ControlImageFormat;
}

interface Annotated extends AnnotateOutcome {
  format: ControlImageFormat;
}

/** Does annotations: the same bytes give the same bytes. */
export function annotateKind(deps: AnnotateJobDeps): JobKind<AnnotateInput, Buffer, Annotated, Unpacked> {
  const {
    maxBodyBytes: maxBytes,
    sources,
    decodeLimits,
    inflight,
    fetching,
    decoding,
    encoding,
    runEngine,
    warn,
  } = deps;
  return {
    needsPreparation: ({ picture }) => !picture.startsWith("sha256:"),
    prepare: ({ picture, pointer = "" }, job) =>
      referencedPicture(picture, { pointer, maxBytes, sources, fetching, encoded: inflight.encoded }, job),
    async unpack({ pointer, formats }, file, job) {
      const { format, bytes } = affordable(formats, decodingNeeds(file, decodeLimits), inflight.pixels);
      await roomForPixels(bytes, inflight.pixels, job);
      const decode = () => decodeImage(file, decodeLimits, { signal: job.signal, onWarning: warn });
      const decoded = () => (pointer === undefined ? decode() : inField(pointer, decode));
      return { image: await decoding.add(decoded, { signal: job.signal }), format };
    },
    async run({ processor, options }, { image, format }, { signal }) {
      const outcome = await runEngine({ processor, options, image }, signal);
      await encoding.onSizeLessThan(1); // keeps the slot, so that control images do not pile up before a slower encoder
      return { ...outcome, format };
    },
    async finish(_input, { image, format, inferenceMs }, job) {
      const file = await encoding.add(() => encodeImage(image, { format }), { signal: job.signal });
      await job.output(file, {});
      return { width: image.width, height: image.height, format, inferenceMs };
    },
  };
}

/** The first format whose encoder there could be room for, and what the job holds with it; else the first: it is refused with the sums. */
function affordable(
  formats: readonly ControlImageFormat[],
  decoding: { pixels: number; bytes: number },
  budget: ByteBudget,
) {
  const needs = formats.map((format) => {
    return { format, bytes: Math.max(decoding.bytes, encodingBytes(decoding.pixels, format)) };
  });
  return needs.find(({ bytes }) => bytes <= budget.limitBytes) ?? needs[0]!;
}
