/** One annotation as a job: the picture is fetched if need be, then decoded, annotated and encoded. Knows neither HTTP nor tensors. */
import { type ImageRequest, imageRequest } from "@armature/contract";
import { parse } from "@armature/http";
import { blobName, type JobKind, type JobSpec, type JobTypes } from "@armature/jobs";
import { type PictureReference, pictureReference, referencedPicture } from "@armature/service";
import type PQueue from "p-queue";
import { type Annotation, type AnnotationDeps, annotate, type OutputFormat } from "../request/annotation.js";

export interface AnnotateInput {
  processor: string;
  options: Record<string, unknown>;
  format: OutputFormat;
  /** A blob's name, or an address. */
  picture: string;
  /** JSON pointer to the picture in the request, or nothing if it was the body. */
  pointer?: string;
}

export interface AnnotateJob extends JobTypes {
  output: { blob: string };
  result: Omit<Annotation, "file">;
}

export interface AnnotateJobDeps extends AnnotationDeps {
  /** How many pictures are fetched at once. */
  fetching: PQueue;
}

export const ANNOTATE = "annotate";

/** The annotation of a body's picture as a job, and the file that goes with it. */
export async function annotateSpec(
  wanted: Pick<AnnotateInput, "processor" | "options" | "format">,
  body: unknown,
  deps: Pick<AnnotationDeps, "maxBodyBytes" | "sources">,
  who: Pick<JobSpec, "client" | "deadlineMs">,
): Promise<{ spec: JobSpec<AnnotateInput>; files: Buffer[] }> {
  const { name, file, pointer } = await pictureIn(body, deps);
  const input = { ...wanted, picture: name, pointer };
  return { spec: { ...who, kind: ANNOTATE, cost: 1, input }, files: file ? [file] : [] };
}

const POINTER = "/image";

/** A body is the picture's bytes themselves, or JSON that carries or names them. */
async function pictureIn(
  body: unknown,
  { maxBodyBytes: maxBytes, sources }: Pick<AnnotationDeps, "maxBodyBytes" | "sources">,
): Promise<PictureReference & { pointer?: string }> {
  if (Buffer.isBuffer(body)) return { name: blobName(body), file: body };
  const { image }: ImageRequest = parse(imageRequest, body);
  return { ...(await pictureReference(image, { pointer: POINTER, maxBytes, sources })), pointer: POINTER };
}

/** Does annotations. */
export function annotateKind(deps: AnnotateJobDeps): JobKind<AnnotateInput, Buffer, Annotation> {
  const { maxBodyBytes: maxBytes, sources, fetching } = deps;
  return {
    needsPreparation: ({ picture }) => !picture.startsWith("sha256:"),
    prepare: ({ picture, pointer = "" }, job) =>
      referencedPicture(picture, { pointer, maxBytes, sources, fetching }, job),
    run: ({ pointer, processor, options, format }, bytes, { signal }) =>
      annotate({ bytes, pointer }, { processor, options, format }, deps, signal),
    async finish(_input, { file, ...result }, job) {
      await job.output(file, {});
      return result;
    },
  };
}
