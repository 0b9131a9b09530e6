/** Reads request bodies within limits: length, type, and for JSON the depth and the number of its values. */
import { jsonPointer } from "@armature/contract";

import { Cancelled, InvalidRequest } from "@armature/core";
import type { Request, RequestHandler } from "express";
import { BodyTooLarge, MalformedRequest, UnsupportedMediaType } from "./errors.js";

export interface BodyLimits {
  /** Bytes on the wire; compressed bodies are not accepted, so these are all there are. */
  maxBytes: number;
  /** Levels of lists and objects in JSON; the outermost counts. */
  maxDepth?: number;
  /** Members and items in JSON, over all levels: checking one costs much more memory than its bytes. */
  maxValues?: number;
}

const MAX_DEPTH = 32;
const MAX_VALUES = 10_000;

/** How long the rest of a refused body is read and dropped, so that an honest client gets to read the answer. */
const LINGER_MS = 2_000;

/** Express middleware: `req.body` becomes the JSON value. */
export const jsonBody = (limits: BodyLimits) => reader(limits, { pictures: false });

/** Express middleware: `req.body` becomes a Buffer if a picture was sent, and the JSON value if JSON was. */
export const jsonOrImageBody = (limits: BodyLimits) => reader(limits, { pictures: true });

/** Parses JSON text. Throws MalformedRequest if it is none, is not UTF-8, or exceeds the limits; never recurses. */
export function parseJson(
  bytes: Buffer,
  { maxDepth = MAX_DEPTH, maxValues = MAX_VALUES }: Partial<BodyLimits> = {},
): unknown {
  if (bytes.length === 0) throw new MalformedRequest("The body is empty; send JSON");
  checkShape(bytes, maxDepth, maxValues);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? whereJsonBreaks(cause) : "it is not UTF-8 text";
    throw new MalformedRequest(`The body is not JSON: ${reason}`, { cause });
  }
  rejectPrototypeKeys(value);
  return value;
}

/** Reads and drops what is left of a body, until its end or for a short while. */
export async function discardBody(req: Request): Promise<void> {
  if (req.complete || req.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LINGER_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    req.once("end", done).once("close", done).resume();
  });
}

function reader(limits: BodyLimits, { pictures }: { pictures: boolean }): RequestHandler {
  return async (req, _res, next) => {
    const isJson = bodyKind(req, pictures) === "json";
    const bytes = await readBytes(req, limits.maxBytes);
    if (!isJson && bytes.length === 0) throw new MalformedRequest("The body is empty; send the bytes of a picture");
    req.body = isJson ? parseJson(bytes, limits) : bytes;
    next();
  };
}

function bodyKind(req: Request, pictures: boolean): "json" | "image" {
  const encoding = req.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw new UnsupportedMediaType("A compressed body is not accepted; send it as it is");
  const [type = "", ...parameters] = (req.headers["content-type"] ?? "").toLowerCase().split(";");
  const mediaType = type.trim();
  if (/^application\/([\w.-]+\+)?json$/.test(mediaType)) {
    requireUtf8(parameters);
    return "json";
  }
  if (pictures && (mediaType.startsWith("image/") || mediaType === "application/octet-stream")) return "image";
  const types = `${pictures ? "image/* or application/octet-stream, or " : ""}application/json`;
  throw new UnsupportedMediaType(`Send the body with Content-Type: ${types}`);
}

function requireUtf8(parameters: string[]): void {
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith("charset="));
  const name = charset?.slice("charset=".length).replaceAll('"', "");
  if (name && !["utf-8", "utf8", "us-ascii"].includes(name))
    throw new UnsupportedMediaType("JSON is accepted as UTF-8 only");
}

async function readBytes(req: Request, maxBytes: number): Promise<Buffer> {
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) throw refused(req, maxBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      length += chunk.length;
      if (length > maxBytes) break;
      chunks.push(chunk);
    }
  } catch {
    throw new Cancelled("The connection closed before the whole body had come");
  }
  if (length > maxBytes) throw refused(req, maxBytes);
  return Buffer.concat(chunks, length);
}

/** Refuses a body at once; a client that still sends after a short while is cut off. */
function refused(req: Request, maxBytes: number): BodyTooLarge {
  discardBody(req).then(() => {
    if (!req.complete) req.destroy();
  });
  return new BodyTooLarge(`The body is longer than the ${maxBytes} bytes that are accepted`);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** One pass over the bytes before any parser sees them; texts are jumped over, so that a long picture costs little. */
function checkShape(json: Buffer, maxDepth: number, maxValues: number): void {
  let depth = 0;
  let values = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (byte === QUOTE) {
      i = endOfText(json, i);
    } else if (byte === COMMA) {
      values++;
    } else if ((byte | 0x20) === 0x7b) {
      depth++; // { or [
      values++;
    } else if ((byte | 0x20) === 0x7d) {
      depth--; // } or ]
    }
    if (depth > maxDepth)
      throw new MalformedRequest(`JSON may be nested ${maxDepth} levels deep; this body goes deeper`);
    if (values > maxValues) throw new MalformedRequest(`JSON may hold ${maxValues} values; this body holds more`);
  }
}

/** Index of the quote that closes the text opened at `start`: the next one behind an even number of backslashes. */
function endOfText(json: Buffer, start: number): number {
  let end = json.indexOf(QUOTE, start + 1);
  while (end > 0) {
    let before = end;
    while (json[before - 1] === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
    end = json.indexOf(QUOTE, end + 1);
  }
  return json.length;
}

/** V8's message without the piece of the body that it may quote. */
function whereJsonBreaks(error: SyntaxError): string {
  const message = error.message.split(", ")[0] ?? "";
  return message.slice(0, 120);
}

/** No field of ours has this name, and somewhere down the line an assignment could turn it into a prototype. */
function rejectPrototypeKeys(root: unknown): void {
  const open: { value: unknown; path: PropertyKey[] }[] = [{ value: root, path: [] }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, path } = next;
    if (typeof value !== "object" || value === null) continue;
    for (const [key, child] of Object.entries(value)) {
      const at = [...path, key];
      if (key === "__proto__") throw new InvalidRequest([{ pointer: jsonPointer(at), detail: "unknown field" }]);
      open.push({ value: child, path: at });
    }
  }
}
