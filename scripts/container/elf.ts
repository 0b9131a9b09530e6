/** What a Linux binary asks of the loader: the dynamic section of ELF64, little-endian (System V ABI, chapters 4 and 5). */
import { closeSync, openSync, readSync } from "node:fs";

export interface Needs {
  /** Path of the loader, of programs only. */
  interpreter?: string;
  /** Names of shared libraries, such as `libc.so.6`. */
  libraries: string[];
  /** Folders that the binary names for them; $ORIGIN stands for its own. */
  runpath: string[];
}

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

const ELF64_LITTLE_ENDIAN = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const PT = { load: 1, dynamic: 2, interpreter: 3 };
const DT = { end: 0n, needed: 1n, strings: 5n, stringsSize: 10n, rpath: 15n, runpath: 29n };

/** What the file at `path` needs, or undefined if it is no such binary. */
export function readNeeds(path: string): Needs | undefined {
  const file = openSync(path, "r");
  try {
    const header = readAt(file, 0, 64);
    if (header.length < 64 || !header.subarray(0, 6).equals(ELF64_LITTLE_ENDIAN)) return undefined;
    return needsOf(file, segmentsOf(file, header));
  } finally {
    closeSync(file);
  }
}

function segmentsOf(file: number, header: Buffer): Segment[] {
  const start = Number(header.readBigUInt64LE(0x20));
  const entryBytes = header.readUInt16LE(0x36);
  const count = header.readUInt16LE(0x38);
  const table = readAt(file, start, entryBytes * count);
  return Array.from({ length: count }, (_, i) => {
    const entry = table.subarray(i * entryBytes);
    const word = (at: number) => Number(entry.readBigUInt64LE(at));
    return { type: entry.readUInt32LE(0), offset: word(0x08), address: word(0x10), size: word(0x20) };
  });
}

function needsOf(file: number, segments: Segment[]): Needs {
  const interpreter = segments.find(({ type }) => type === PT.interpreter);
  const dynamic = segments.find(({ type }) => type === PT.dynamic);
  return {
    ...(interpreter ? { interpreter: text(readAt(file, interpreter.offset, interpreter.size), 0) } : {}),
    ...(dynamic ? readDynamic(file, dynamic, segments) : { libraries: [], runpath: [] }),
  };
}

function readDynamic(file: number, dynamic: Segment, segments: Segment[]): Pick<Needs, "libraries" | "runpath"> {
  const section = readAt(file, dynamic.offset, dynamic.size);
  const entries: [tag: bigint, value: number][] = [];
  for (let at = 0; at + 16 <= section.length; at += 16) {
    const tag = section.readBigInt64LE(at);
    if (tag === DT.end) break;
    entries.push([tag, Number(section.readBigUInt64LE(at + 8))]);
  }
  const entryOf = (wanted: bigint) => entries.find(([tag]) => tag === wanted)?.[1] ?? 0;
  const address = entryOf(DT.strings);
  const segment = segments.find((s) => s.type === PT.load && address >= s.address && address < s.address + s.size);
  if (!segment) return { libraries: [], runpath: [] };
  const strings = readAt(file, address - segment.address + segment.offset, entryOf(DT.stringsSize));
  const textsOf = (...tags: bigint[]) =>
    entries.filter(([tag]) => tags.includes(tag)).map(([, at]) => text(strings, at));
  return {
    libraries: textsOf(DT.needed),
    runpath: textsOf(DT.rpath, DT.runpath).flatMap((folders) => folders.split(":")),
  };
}

function text(bytes: Buffer, start: number): string {
  return bytes.toString("latin1", start, bytes.indexOf(0, start));
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, position));
}
