/** Reads the header of a safetensors file: where each tensor lies, never its bytes. Format: huggingface/safetensors README. */
import { closeSync, fstatSync, readSync } from "node:fs";
import { InvalidModel } from "@armature/core";
import { lfsPointerAt, lfsPointerText } from "./lfs-pointer.js";
import { openRegularFile } from "./small-file.js";

export type SafetensorsDtype = keyof typeof BYTES_PER_ELEMENT;

/** Where one tensor lies: `offset` counts bytes from the start of the file. */
export interface TensorLocation {
  dtype: SafetensorsDtype;
  shape: number[];
  offset: number;
  length: number;
}

export interface SafetensorsHeader {
  file: string;
  fileBytes: number;
  metadata: Record<string, string>;
  tensors: Map<string, TensorLocation>;
}

const BYTES_PER_ELEMENT = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** Reads and checks a file's header. Throws InvalidModel, naming the file and the tensor, for anything not sound. */
export function readSafetensorsHeader(file: string): SafetensorsHeader {
  const descriptor = openRegularFile(file);
  try {
    const fileBytes = fstatSync(descriptor).size;
    const headerBytes = headerLength(file, descriptor, fileBytes);
    const json = readExactly(descriptor, headerBytes, 8).toString("utf8");
    return parseSafetensorsHeader(file, json, headerBytes, fileBytes);
  } finally {
    closeSync(descriptor);
  }
}

/** Checks a header's JSON text against the length of its file. `file` serves messages alone. */
function parseSafetensorsHeader(file: string, json: string, headerBytes: number, fileBytes: number): SafetensorsHeader {
  rejectDuplicateKeys(file, json);
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw new InvalidModel(`${file}: the safetensors header is not JSON`, { cause });
  }
  if (!isRecord(parsed)) throw new InvalidModel(`${file}: the safetensors header is not a JSON object`);

  const dataStart = 8 + headerBytes;
  const tensors = new Map<string, TensorLocation>();
  for (const [name, entry] of Object.entries(parsed)) {
    if (name === "__metadata__") continue;
    tensors.set(name, location(file, name, entry, dataStart, fileBytes));
  }
  rejectOverlaps(file, tensors);
  return { file, fileBytes, metadata: stringRecord(file, parsed.__metadata__), tensors };
}

function headerLength(file: string, descriptor: number, fileBytes: number): number {
  if (fileBytes < 8) throw new InvalidModel(`${file}: ${fileBytes} bytes are too few for a safetensors file`);
  const length = readExactly(descriptor, 8, 0).readBigUInt64LE();
  if (length > BigInt(MAX_HEADER_BYTES)) {
    const pointer = lfsPointerAt(file);
    if (pointer) throw new InvalidModel(`${file}: ${lfsPointerText(pointer)}`);
    throw new InvalidModel(`${file}: header length ${length} is above ${MAX_HEADER_BYTES}; not a safetensors file?`);
  }
  if (8 + Number(length) > fileBytes) {
    throw new InvalidModel(`${file}: truncated: the header wants ${length} bytes, the file has ${fileBytes} in all`);
  }
  return Number(length);
}

function readExactly(descriptor: number, length: number, position: number): Buffer {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, buffer, filled, length - filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}

function location(file: string, name: string, entry: unknown, dataStart: number, fileBytes: number): TensorLocation {
  const where = `${file}: tensor ${name}`;
  if (!isRecord(entry)) throw new InvalidModel(`${where}: its header entry is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES_PER_ELEMENT, dtype)) {
    throw new InvalidModel(`${where}: unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!isSizes(shape)) throw new InvalidModel(`${where}: shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw new InvalidModel(`${where}: data_offsets ${JSON.stringify(offsets)} are not two byte positions`);
  }
  const [begin, end] = offsets as [number, number];
  const wanted = shape.reduce((product, size) => product * size, BYTES_PER_ELEMENT[dtype as SafetensorsDtype]);
  if (end - begin !== wanted) {
    throw new InvalidModel(`${where}: ${dtype} [${shape}] wants ${wanted} bytes, data_offsets hold ${end - begin}`);
  }
  if (dataStart + end > fileBytes) {
    throw new InvalidModel(`${where}: truncated: it ends at byte ${dataStart + end}, the file has ${fileBytes}`);
  }
  return { dtype: dtype as SafetensorsDtype, shape, offset: dataStart + begin, length: wanted };
}

function rejectOverlaps(file: string, tensors: Map<string, TensorLocation>): void {
  const byOffset = [...tensors].filter(([, t]) => t.length > 0).sort(([, a], [, b]) => a.offset - b.offset);
  let previous: [string, TensorLocation] | undefined;
  for (const current of byOffset) {
    if (previous && previous[1].offset + previous[1].length > current[1].offset) {
      throw new InvalidModel(`${file}: tensors ${previous[0]} and ${current[0]} overlap`);
    }
    previous = current;
  }
}

/** JSON.parse keeps the last of two equal keys; here a second one means a damaged or hostile file. */
function rejectDuplicateKeys(file: string, json: string): void {
  const seen = new Set<string>();
  for (const name of topLevelKeys(json)) {
    if (seen.has(name)) throw new InvalidModel(`${file}: tensor ${name} is declared twice`);
    seen.add(name);
  }
}

function* topLevelKeys(json: string): Generator<string> {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;
  let depth = 0;
  let text: string | undefined;
  for (const [found] of json.matchAll(token)) {
    if (found === "{" || found === "[") depth++;
    else if (found === "}" || found === "]") depth--;
    else if (found === ":" && depth === 1 && text !== undefined) yield unquote(text);
    text = found.startsWith('"') ? found : undefined;
  }
}

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}

function stringRecord(file: string, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || Object.values(value).some((entry) => typeof entry !== "string")) {
    throw new InvalidModel(`${file}: __metadata__ is not an object of strings`);
  }
  return value as Record<string, string>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
