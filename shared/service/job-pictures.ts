/**
 * Pictures on their way through a job. What a request carries goes along as a file, named by its digest; what it only names by
 * an address is fetched when the job is made ready.
 */
import { imageBytes } from "@armature/images";
import { blobName, type JobContext } from "@armature/jobs";
import { fetchSource, type SourcePolicy } from "@armature/net";
import type PQueue from "p-queue";

export interface PictureOptions {
  /** Where in the request the picture stands, as a JSON pointer; every error carries it. */
  pointer: string;
  /** Of the picture's file. */
  maxBytes: number;
  /** Undefined where pictures by URL are switched off. */
  sources: SourcePolicy | undefined;
}

export interface PictureReference {
  /** The name of the file as a blob, or the picture's address. */
  name: string;
  /** The bytes, where the request carried them. */
  file?: Buffer;
}

/** How a job names a picture that a request gives as base64, data: URL or address. Fetches nothing. */
export async function pictureReference(source: string, options: PictureOptions): Promise<PictureReference> {
  const { pointer, maxBytes, sources } = options;
  if (sources && /^https?:/i.test(source)) return { name: source };
  const fetchUrl = sources && ((url: string) => fetchSource(url, { policy: sources })); // refuses every other scheme
  const file = await imageBytes(source, { pointer, maxBytes, fetchUrl });
  return { name: blobName(file), file };
}

/** The bytes that a reference stands for; `fetching` bounds how many are fetched at once. */
export function referencedPicture(
  name: string,
  { pointer, maxBytes, sources: policy, fetching }: PictureOptions & { fetching: PQueue },
  { blob, signal }: JobContext,
): Promise<Buffer> {
  if (name.startsWith("sha256:")) return blob(name);
  const fetchUrl = policy && ((url: string) => fetchSource(url, { policy, signal }));
  return fetching.add(() => imageBytes(name, { pointer, maxBytes, fetchUrl }), { signal });
}
