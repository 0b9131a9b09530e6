/** Shared libraries with nothing in them but their names for others: what the loader, and we, read of an ELF64 file. */

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const ENTRY_BYTES = 16;
const TAG = { end: 0, needed: 1, strings: 5, stringsSize: 10, runpath: 29 };

/** A library that needs others by name, and names folders for them. */
export function elfLibrary(needed: readonly string[], runpath?: string): Buffer {
  const names = [...needed, ...(runpath === undefined ? [] : [runpath])];
  const strings = Buffer.from(`\0${names.map((name) => `${name}\0`).join("")}`, "latin1");
  const stringsAt = HEADER_BYTES + 2 * SEGMENT_BYTES;
  const entries: [tag: number, value: number][] = names.map((name, i) => [
    i < needed.length ? TAG.needed : TAG.runpath,
    strings.indexOf(`\0${name}\0`) + 1,
  ]);
  entries.push([TAG.strings, stringsAt], [TAG.stringsSize, strings.length], [TAG.end, 0]);
  const dynamic = Buffer.alloc(entries.length * ENTRY_BYTES);
  for (const [i, [tag, value]] of entries.entries()) {
    dynamic.writeBigInt64LE(BigInt(tag), i * ENTRY_BYTES);
    dynamic.writeBigUInt64LE(BigInt(value), i * ENTRY_BYTES + 8);
  }
  const dynamicAt = stringsAt + strings.length;
  const header = Buffer.alloc(HEADER_BYTES);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 0x20);
  header.writeUInt16LE(SEGMENT_BYTES, 0x36);
  header.writeUInt16LE(2, 0x38);
  const whole = dynamicAt + dynamic.length;
  const segments = [segment(1, 0, whole), segment(2, dynamicAt, dynamic.length)];
  return Buffer.concat([header, ...segments, strings, dynamic]);
}

/** Addresses are offsets. */
function segment(type: number, offset: number, bytes: number): Buffer {
  const entry = Buffer.alloc(SEGMENT_BYTES);
  entry.writeUInt32LE(type, 0);
  for (const at of [0x08, 0x10]) entry.writeBigUInt64LE(BigInt(offset), at);
  for (const at of [0x20, 0x28]) entry.writeBigUInt64LE(BigInt(bytes), at);
  return entry;
}
