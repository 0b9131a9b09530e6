/** A picture as JSON carries it: base64, a data: URL, or the URL of a picture. */
import { AppError, ImageTooLarge, InvalidRequest } from "@armature/core";
import { SourceForbidden } from "@armature/net";

export interface ImageSourceOptions {
  /** Where in the request the text stands, as a JSON pointer; every error carries it. */
  pointer: string;
  /** Of the picture's file. Checked on the text, before base64 is decoded. */
  maxBytes: number;
  /** Fetches http and https URLs, within its own limits; undefined where pictures by URL are switched off. */
  fetchUrl?: ((url: string) => Promise<Buffer>) | undefined;
}

/** The bytes of a picture's file; whether they are a picture is for `decodeImage` to say. Never reads a local path. */
export async function imageBytes(source: string, options: ImageSourceOptions): Promise<Buffer> {
  try {
    if (/^data:/i.test(source)) return fromDataUrl(source, options);
    if (/^[a-z][a-z0-9+.-]*:/i.test(source)) return await fromUrl(source, options);
    return fromBase64(source, options);
  } catch (error) {
    if (error instanceof AppError) error.pointer ??= options.pointer;
    throw error;
  }
}

/** RFC 2397. The media type is not believed, so it is not read. */
function fromDataUrl(source: string, options: ImageSourceOptions): Buffer {
  const comma = source.slice(0, 200).indexOf(",");
  if (comma < 0 || !/;base64$/i.test(source.slice(0, comma))) {
    throw invalid(options, "wants a data: URL of the form data:image/png;base64,…");
  }
  return fromBase64(source.slice(comma + 1), options);
}

async function fromUrl(source: string, { fetchUrl }: ImageSourceOptions): Promise<Buffer> {
  if (fetchUrl) return fetchUrl(source);
  throw new SourceForbidden("Pictures by URL are switched off here; send the picture as base64 or as a data: URL");
}

/** RFC 4648, section 4, with padding and nothing between. */
function fromBase64(text: string, options: ImageSourceOptions): Buffer {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const length = (text.length / 4) * 3 - padding;
  if (length > options.maxBytes) {
    throw new ImageTooLarge(
      `The picture has about ${Math.ceil(length)} bytes; at most ${options.maxBytes} are accepted`,
    );
  }
  const bytes = Buffer.from(text, "base64");
  // Node skips what is not base64, and takes base64url for it: the length tells the one, a look at the text the other.
  if (length > 0 && bytes.length === length && !text.includes("-") && !text.includes("_")) return bytes;
  throw invalid(options, `${WANTED}, ${whatIsWrong(text, padding)}`);
}

function whatIsWrong(text: string, padding: number): string {
  const wrong = /[^A-Za-z0-9+/]/.exec(text.slice(0, text.length - padding));
  if (wrong) return `found ${JSON.stringify(wrong[0])} at character ${wrong.index}`;
  return text.length === 0 ? "found an empty text" : "found base64 that is cut off or lacks its padding";
}

const WANTED = "wants a picture as base64 (RFC 4648, padded, without line breaks), a data: URL or an http(s) URL";

const invalid = ({ pointer }: ImageSourceOptions, detail: string) => new InvalidRequest([{ pointer, detail }]);
