/** JSON text within limits of depth and of the number of its values. */
import { jsonPointer } from "@armature/contract";
import { InvalidRequest } from "@armature/core";
import { MalformedRequest } from "./errors.js";

export interface JsonLimits {
  /** Levels of lists and objects; the outermost counts. */
  maxDepth?: number;
  /** Members and items, over all levels: checking one costs much more memory than its bytes. */
  maxValues?: number;
}

const MAX_DEPTH = 32;
const MAX_VALUES = 10_000;

/** Parses JSON text. Throws MalformedRequest if it is none, is not UTF-8, or exceeds the limits; never recurses. */
export function parseJson(bytes: Buffer, { maxDepth = MAX_DEPTH, maxValues = MAX_VALUES }: JsonLimits = {}): unknown {
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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Checks depth and number of values before any parser sees the bytes; texts are jumped over, so that a long picture costs little. */
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
