/** Zip archives as wheels are, for tests. */
import { deflateRawSync } from "node:zlib";

interface ArchiveMember {
  path: string;
  content: Uint8Array;
  stored?: boolean;
}

export function zipArchive(members: readonly ArchiveMember[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { path, content, stored } of members) {
    const packed = stored ? Buffer.from(content) : deflateRawSync(content);
    const name = Buffer.from(path);
    // the fields that the member's own header and the directory share, from "version needed" on
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(stored ? 0 : 8, 4);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(content.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    const body = Buffer.concat([Buffer.from("PK\x03\x04"), shared, name, packed]);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), shared, tail, name);
    bodies.push(body);
    offset += body.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  for (const at of [8, 10]) end.writeUInt16LE(members.length, at);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, listing, end]);
}
