/** Reads request bodies within limits: length, type, and for JSON the depth and the number of its values. */
import { jsonPointer } from "@armature/contract";

import { type ByteBudget, Cancelled, InvalidRequest, type Reservation } from "@armature/core";
import type { Request, RequestHandler } from "express";
import { clientOf } from "./client.js";
import { BodyTooLarge, MalformedRequest, UnsupportedMediaType } from "./errors.js";

export interface BodyLimits {
  /** Bytes on the wire; compressed bodies are not accepted, so these are all there are. */
  maxBytes: number;
  /** What bodies are held against until `releaseBody`, or until the answer is out. */
  budget: ByteBudget;
  /** Levels of lists and objects in JSON; the outermost counts. */
  maxDepth?: number;
  /** Members and items in JSON, over all levels: checking one costs much more memory than its bytes. */
  maxValues?: number;
}

const MAX_DEPTH = 32;
const MAX_VALUES = 10_000;

/** Bytes held per byte of JSON: itself while it comes, then its values and what is made of them. A bare picture is held once. */
const JSON_COST = 2;

/** A body up to this length is held without being counted, so that prompts come in when pictures do not; connections bound their sum. */
const FREE_BYTES = 16_384;

/** How long the rest of a refused body is read and dropped, so that an honest client gets to read the answer. */
const LINGER_MS = 2_000;

/** Express middleware: `req.body` becomes the JSON value. */
export const jsonBody = (limits: BodyLimits) => reader(limits, { pictures: false });

/** Express middleware: `req.body` becomes a Buffer if a picture was sent, and the JSON value if JSON was. */
export const jsonOrImageBody = (limits: BodyLimits) => reader(limits, { pictures: true });

/** Parses JSON text. Throws MalformedRequest if it is none, is not UTF-8, or exceeds the limits; never recurses. */
export function parseJson(
  bytes: Buffer,
  { maxDepth = MAX_DEPTH, maxValues = MAX_VALUES }: Pick<BodyLimits, "maxDepth" | "maxValues"> = {},
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

/** Lets go of the body, once all that is wanted of it is elsewhere. */
export function releaseBody(req: Request): void {
  req.body = undefined;
  reservations.get(req)?.release();
}

const reservations = new WeakMap<Request, Reservation>();

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
  return async (req, res, next) => {
    const isJson = bodyKind(req, pictures) === "json";
    const held = limits.budget.reserve(0, clientOf(req));
    reservations.set(req, held);
    res.once("close", () => held.release());
    const bytes = await readBytes(req, limits.maxBytes, (length) => hold(held, isJson ? JSON_COST * length : length));
    if (!isJson && bytes.length === 0) throw new MalformedRequest("The body is empty; send the bytes of a picture");
    req.body = isJson ? parseJson(bytes, limits) : bytes;
    next();
  };
}

function hold(held: Reservation, bytes: number): void {
  if (bytes > FREE_BYTES) held.resize(bytes);
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

/** The body's bytes, which `hold` is told of before they are read. */
async function readBytes(req: Request, maxBytes: number, hold: (length: number) => void): Promise<Buffer> {
  const declared = req.headers["content-length"];
  try {
    if (declared === undefined) return await readChunked(req, maxBytes, hold);
    if (Number(declared) > maxBytes) throw tooLong(maxBytes);
    hold(Number(declared));
    return await readDeclared(req, Number(declared));
  } catch (error) {
    if (req.destroyed || req.readableAborted)
      throw new Cancelled("The connection closed before the whole body had come");
    discardRest(req);
    throw error;
  }
}

/** Node ends the body where its Content-Length says. */
async function readDeclared(req: Request, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let end = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false })) end += (chunk as Buffer).copy(bytes, end);
  return bytes;
}

/** Chunks are held twice: by themselves, and joined. */
async function readChunked(req: Request, maxBytes: number, hold: (length: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > maxBytes) throw tooLong(maxBytes);
    hold(2 * length);
    chunks.push(chunk);
  }
  hold(length);
  return Buffer.concat(chunks, length);
}

const tooLong = (maxBytes: number) =>
  new BodyTooLarge(`The body is longer than the ${maxBytes} bytes that are accepted`);

/** The answer to a refused body goes out at once; a client that still sends after a short while is cut off. */
function discardRest(req: Request): void {
  discardBody(req).then(() => {
    if (!req.complete) req.destroy();
  });
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
