/** Reads members of a zip archive, as wheels are (APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16): no encryption, no zip64. */
import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

interface Member {
  method: number;
  packedBytes: number;
  headerOffset: number;
}

const SIGNATURE = { directory: 0x02014b50, member: 0x04034b50 };
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const METHOD = { stored: 0, deflated: 8 };

/** Sends the content of the member at `path` to `sink`. Throws an Error for an archive without it. */
export async function extractMember(archive: FileHandle, path: string, sink: NodeJS.WritableStream): Promise<void> {
  const member = (await readDirectory(archive)).get(path);
  if (!member) throw new Error(`the archive has no ${path}`);
  const header = await readAt(archive, member.headerOffset, 30);
  if (header.readUInt32LE(0) !== SIGNATURE.member) throw new Error(`${path}: not at its place in the archive`);
  const start = member.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = archive.createReadStream({ start, end: start + member.packedBytes - 1, autoClose: false });
  if (member.method === METHOD.deflated) await pipeline(packed, createInflateRaw(), sink);
  else if (member.method === METHOD.stored) await pipeline(packed, sink);
  else throw new Error(`${path}: packed by method ${member.method}, which this reader does not know`);
}

async function readDirectory(archive: FileHandle): Promise<Map<string, Member>> {
  const { size } = await archive.stat();
  const tail = await readAt(archive, Math.max(0, size - END_BYTES - LONGEST_COMMENT), END_BYTES + LONGEST_COMMENT);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0) throw new Error("no zip archive");
  const [count, bytes, offset] = [
    tail.readUInt16LE(end + 10),
    tail.readUInt32LE(end + 12),
    tail.readUInt32LE(end + 16),
  ];
  const directory = await readAt(archive, offset, bytes);
  const members = new Map<string, Member>();
  for (let at = 0, i = 0; i < count; i++) {
    if (directory.readUInt32LE(at) !== SIGNATURE.directory) throw new Error("the archive's directory is damaged");
    const [name, extra, comment] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    members.set(directory.toString("utf8", at + 46, at + 46 + name!), {
      method: directory.readUInt16LE(at + 10),
      packedBytes: directory.readUInt32LE(at + 20),
      headerOffset: directory.readUInt32LE(at + 42),
    });
    at += 46 + name! + extra! + comment!;
  }
  return members;
}

async function readAt(archive: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await archive.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
