/**
 * Pictures on their way through a job. What a request carries goes along as a file, named by its digest; what it only names by
 * an address is fetched when the job is made ready.
 */
import type { ByteBudget } from "@armature/core";
import { type DecodeLimits, imageBytes, type PictureHeader, pictureHeader } from "@armature/images";
import { blobName, type JobContext } from "@armature/jobs";
import { fetchSource, type SourcePolicy } from "@armature/net";
import type PQueue from "p-queue";

interface PictureOptions {
  /** Where in the request the picture stands, as a JSON pointer; every error carries it. */
  pointer: string;
  /** Largest file of a picture. */
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

export interface FetchOptions extends PictureOptions {
  /** How many pictures are fetched at once. */
  fetching: PQueue;
  /** What fetched files are held against, until the job has ended. */
  encoded: ByteBudget;
}

/** The bytes that a reference stands for. Throws BudgetFull or OverBudget where there is no room for a file behind an address. */
export function referencedPicture(
  name: string,
  { pointer, maxBytes, sources: policy, fetching, encoded }: FetchOptions,
  { blob, signal, client, onEnd }: JobContext,
): Promise<Buffer> {
  if (name.startsWith("sha256:")) return blob(name);
  const held = encoded.reserve(0, client);
  onEnd(() => held.release());
  const hold = (bytes: number) => held.resize(bytes);
  const fetchUrl = policy && ((url: string) => fetchSource(url, { policy, signal, client, hold }));
  return fetching.add(() => imageBytes(name, { pointer, maxBytes, fetchUrl }), { signal });
}

/**
 * Bytes per pixel that decoding holds, in the decoder's process and this one: what the kind that takes most of each format did at its peak,
 * measured on 25 megapixels, less the fifth that resident memory may exceed the budget by. At least seven: four as libvips hands a pixel
 * over, three as it is kept.
 */
const PIXEL_BYTES: Record<PictureHeader["format"], number> = { JPEG: 7, PNG: 7, TIFF: 7, GIF: 8, WebP: 11, AVIF: 22 };
const PROGRESSIVE_PIXEL_BYTES = 11;

/** What a picture's file takes, by its header; nothing where it will not be decoded: the header is not legible, or says too many pixels. */
interface DecodingNeeds {
  pixels: number;
  /** Held while it is decoded. */
  bytes: number;
}

/** See DecodingNeeds. */
export function decodingNeeds(file: Uint8Array, { maxPixels }: Pick<DecodeLimits, "maxPixels">): DecodingNeeds {
  try {
    const { format, width, height, progressive } = pictureHeader(file);
    const pixels = width * height;
    if (pixels > maxPixels) return NOTHING;
    return { pixels, bytes: pixels * (progressive ? PROGRESSIVE_PIXEL_BYTES : PIXEL_BYTES[format]) };
  } catch {
    return NOTHING; // decoding says why, in better words
  }
}

const NOTHING: DecodingNeeds = { pixels: 0, bytes: 0 };

/** Waits until there is room for a job's pixels, and holds it until the job has ended. Throws OverBudget if there never is. */
export async function roomForPixels(bytes: number, pixels: ByteBudget, { signal, onEnd }: JobContext): Promise<void> {
  const held = await pixels.reserveInTurn(bytes, signal);
  onEnd(() => held.release());
}
