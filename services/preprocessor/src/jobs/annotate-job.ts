/** One annotation as a job: the picture is fetched if need be, then decoded, annotated and encoded. Knows neither HTTP nor tensors. */
import { blobName, type JobKind, type JobSpec, type JobTypes } from "@armature/jobs";
import { pictureReference, referencedPicture } from "@armature/service";
import type PQueue from "p-queue";
import { type Annotation, type AnnotationDeps, annotate, type OutputFormat } from "../request/annotation.js";
import type { AnnotationRequest } from "../request/annotation-request.js";

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

/** The annotation of a request's picture as a job, and the file that goes with it. */
export async function annotateSpec(
  { image, ...wanted }: Pick<AnnotateInput, "processor" | "options" | "format"> & Pick<AnnotationRequest, "image">,
  { maxBodyBytes: maxBytes, sources }: Pick<AnnotationDeps, "maxBodyBytes" | "sources">,
  who: Pick<JobSpec, "client" | "deadlineMs">,
): Promise<{ spec: JobSpec<AnnotateInput>; files: Buffer[] }> {
  const { name, file, pointer } = Buffer.isBuffer(image)
    ? { name: blobName(image), file: image, pointer: undefined }
    : { ...(await pictureReference(image, { pointer: POINTER, maxBytes, sources })), pointer: POINTER };
  const input = { ...wanted, picture: name, pointer };
  return { spec: { ...who, kind: ANNOTATE, cost: 1, input }, files: file ? [file] : [] };
}

const POINTER = "/image";

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
