/** Reads request bodies within limits: length, type, and for JSON the depth and the number of its values. */
import { type ByteBudget, Cancelled, type Reservation } from "@armature/core";
import type { Request, RequestHandler } from "express";
import { clientOf } from "./client.js";
import { BodyTooLarge, MalformedRequest, UnsupportedMediaType } from "./errors.js";
import { type JsonLimits, parseJson } from "./json-text.js";

export interface BodyLimits extends JsonLimits {
  /** Bytes on the wire; compressed bodies are not accepted, so these are all there are. */
  maxBytes: number;
  /** What bodies are held against until `releaseBody`, or until the answer is out. */
  budget: ByteBudget;
}

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
    const bytes = await readBytes(req, limits.maxBytes, (length) => hold(held, length, isJson ? JSON_COST : 1));
    if (!isJson && bytes.length === 0) throw new MalformedRequest("The body is empty; send the bytes of a picture");
    req.body = isJson ? parseJson(bytes, limits) : bytes;
    next();
  };
}

function hold(held: Reservation, length: number, cost: number): void {
  if (length > FREE_BYTES) held.resize(cost * length);
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
