/** A picture as JSON carries it: base64, a data: URL, or the URL of a picture. */
import { AppError, ImageTooLarge, InvalidRequest } from "@armature/core";
import { SourceForbidden } from "@armature/net";

interface ImageSourceOptions {
  /** Where in the request the text stands, as a JSON pointer; every error carries it. */
  pointer: string;
  /** Largest file of a picture. Checked on the text, before base64 is decoded. */
  maxBytes: number;
  /** Fetches http and https URLs, within its own limits; undefined where pictures by URL are switched off. */
  fetchUrl?: ((url: string) => Promise<Buffer>) | undefined;
}

/** The bytes of a picture's file; whether they are a picture is for `decodeImage` to say. Never reads a local path. */
export async function imageBytes(source: string, options: ImageSourceOptions): Promise<Buffer> {
  try {
    if (/^\s*data:/i.test(source)) return fromDataUrl(source.trimStart(), options);
    if (/^[a-z][a-z0-9+.-]*:/i.test(source)) return await fromUrl(source, options);
    return fromBase64(source, options);
  } catch (error) {
    if (error instanceof AppError) error.pointer ??= options.pointer;
    throw error;
  }
}

/** RFC 2397. The media type and its parameters are not believed, so they are not read. */
function fromDataUrl(source: string, options: ImageSourceOptions): Buffer {
  const head = /^data:(?:[^,"]|"[^"]*"){0,500}?; *base64 *,/i.exec(source.slice(0, 600))?.[0];
  if (!head) throw invalid(options, "wants a data: URL of the form data:image/png;base64,…");
  return fromBase64(unescaped(source.slice(head.length)), options);
}

/** RFC 3986, section 2.1: %2B, %3D and the like as they are meant. A text with escapes that are none is left as it is, to be refused. */
function unescaped(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function fromUrl(source: string, { fetchUrl }: ImageSourceOptions): Promise<Buffer> {
  if (fetchUrl) return fetchUrl(source);
  throw new SourceForbidden("Pictures by URL are switched off here; send the picture as base64 or as a data: URL");
}

/** RFC 4648, sections 4 and 5, as clients write it: with line breaks and spaces or without, padded or not, of either alphabet. */
function fromBase64(source: string, options: ImageSourceOptions): Buffer {
  const text = /[ \t\r\n]/.test(source) ? source.replace(/[ \t\r\n]+/g, "") : source;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const letters = text.length - padding;
  const length = Math.floor((letters / 4) * 3);
  if (length > options.maxBytes) {
    throw new ImageTooLarge(`The picture has about ${length} bytes; at most ${options.maxBytes} are accepted`);
  }
  const whole = letters % 4 !== 1 && (padding === 0 || text.length % 4 === 0);
  const bytes = Buffer.from(text, "base64");
  if (whole && length > 0 && bytes.length === length) return bytes; // Node skips what is no base64: the length tells
  throw invalid(options, `${WANTED}, ${whatIsWrong(text, letters)}`);
}

function whatIsWrong(text: string, letters: number): string {
  const wrong = /[^A-Za-z0-9+/_-]/.exec(text.slice(0, letters));
  if (wrong) return `found ${JSON.stringify(wrong[0])} at character ${wrong.index}, spaces and line breaks not counted`;
  return text.length === 0 ? "found an empty text" : "found base64 that is cut off";
}

const WANTED = "wants a picture as base64 (RFC 4648), a data: URL or an http(s) URL";

const invalid = ({ pointer }: ImageSourceOptions, detail: string) => new InvalidRequest([{ pointer, detail }]);
