/**
 * An unfinished file: `<file>.part` holds its bytes, `<file>.part.journal` says which of them are there. The file is cut into
 * chunks; a journal line `chunk bytes` means that this many bytes from the chunk's start have been written. Lines are
 * appended after the bytes, each by one write: a process killed at any moment leaves a journal that promises no byte too many.
 */
import type { FileHandle } from "node:fs/promises";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { unlessVanished } from "@armature/core";
import type { ByteRange } from "./sources/source.js";

/** New bytes of a chunk, or time since the last entry, after which progress goes to the journal: what a killed process loses. */
const JOURNAL_BYTES = 4 * 2 ** 20;
const JOURNAL_MS = 250;

export interface PartIdentity {
  size: number;
  /** Names the content: a journal of other content is worth nothing. */
  content: string;
  chunkBytes: number;
}

export class PartFile {
  /** Bytes written of each chunk, counted from its start, and how many of them the journal knows. */
  readonly #done: number[];
  readonly #journaled: number[];
  #journaledAt = 0;

  private constructor(
    readonly path: string,
    readonly size: number,
    readonly chunkBytes: number,
    readonly handle: FileHandle,
    private readonly journal: FileHandle,
    done: number[],
  ) {
    this.#done = done;
    this.#journaled = [...done];
  }

  /** Opens what is left of an earlier try, or starts anew. `size` is above 0. */
  static async open(file: string, identity: PartIdentity): Promise<PartFile> {
    const path = partPath(file);
    const earlier = await readJournal(path, identity);
    const begun = earlier && (await unlessVanished(open(path, "r+")));
    if (earlier && begun) {
      const journal = await open(journalPath(path), "a");
      return new PartFile(path, identity.size, earlier.chunkBytes, begun, journal, earlier.done);
    }
    await removeParts(file);
    const handle = await open(path, "w+");
    const journal = await open(journalPath(path), "a");
    await journal.appendFile(headerLine(identity));
    const done = new Array<number>(chunkCount(identity.size, identity.chunkBytes)).fill(0);
    return new PartFile(path, identity.size, identity.chunkBytes, handle, journal, done);
  }

  /** Chunks that are not whole, in order. */
  missingChunks(): number[] {
    return [...this.#done.keys()].filter((chunk) => this.missing(chunk));
  }

  /** The bytes that a chunk still lacks; undefined if it is whole. */
  missing(chunk: number): ByteRange | undefined {
    const { start, end } = this.#bounds(chunk);
    const done = this.#done[chunk] ?? 0;
    return start + done < end ? { start: start + done, end } : undefined;
  }

  /** Bytes that are there. */
  get bytesDone(): number {
    return this.#done.reduce((sum, done) => sum + done, 0);
  }

  /** Bytes that are there without a gap from the beginning: as far as a hash can go. */
  get prefix(): number {
    const gap = this.#done.findIndex((done, chunk) => done < this.#length(chunk));
    return gap < 0 ? this.size : this.#bounds(gap).start + this.#done[gap]!;
  }

  /** Writes buffers one after another from `position` on. Returns how many of these bytes were not there before. */
  async write(buffers: Uint8Array[], position: number): Promise<number> {
    const length = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    await writeAll(this.handle, buffers, position, length);
    const before = this.bytesDone;
    await this.#record(position, position + length);
    return this.bytesDone - before;
  }

  /** Notes progress to the byte, so that the next process goes on from there. */
  async close(): Promise<void> {
    try {
      await this.#append();
    } finally {
      await Promise.allSettled([this.handle.close(), this.journal.close()]);
    }
  }

  /** Makes the complete file final: on the disk if `sync`, then under its name in one step. */
  async finish(file: string, sync: boolean): Promise<void> {
    if (sync) await this.handle.datasync();
    await this.close();
    await rename(this.path, file);
    await rm(journalPath(this.path), { force: true });
    if (sync) await syncFolder(dirname(file));
  }

  async #record(start: number, end: number): Promise<void> {
    let isDue = performance.now() - this.#journaledAt >= JOURNAL_MS;
    for (let chunk = Math.floor(start / this.chunkBytes); chunk < this.#done.length; chunk++) {
      const bounds = this.#bounds(chunk);
      if (bounds.start >= end) break;
      const from = Math.max(start, bounds.start) - bounds.start;
      const done = this.#done[chunk]!;
      if (from > done) continue;
      this.#done[chunk] = Math.max(done, Math.min(end, bounds.end) - bounds.start);
      isDue ||=
        this.#done[chunk] === this.#length(chunk) || this.#done[chunk]! - this.#journaled[chunk]! >= JOURNAL_BYTES;
    }
    if (isDue) await this.#append();
  }

  /** Writes to the journal what it does not know yet. */
  async #append(): Promise<void> {
    this.#journaledAt = performance.now();
    const chunks = [...this.#done.keys()].filter((chunk) => this.#done[chunk]! > this.#journaled[chunk]!);
    if (chunks.length === 0) return;
    const lines = chunks.map((chunk) => {
      this.#journaled[chunk] = this.#done[chunk]!;
      return `${chunk} ${this.#done[chunk]}\n`;
    });
    await this.journal.appendFile(lines.join(""));
  }

  #bounds(chunk: number): ByteRange {
    const start = chunk * this.chunkBytes;
    return { start, end: Math.min(this.size, start + this.chunkBytes) };
  }

  #length(chunk: number): number {
    const { start, end } = this.#bounds(chunk);
    return end - start;
  }
}

export function partPath(file: string): string {
  return `${file}.part`;
}

/** Removes what an unfinished fetch of `file` left. */
export async function removeParts(file: string): Promise<void> {
  await rm(journalPath(partPath(file)), { force: true });
  await rm(partPath(file), { force: true });
}

/** Bytes of `file` that an earlier, unfinished fetch of the same content left; 0 if none. */
export async function bytesLeftOver(file: string, identity: PartIdentity): Promise<number> {
  const earlier = await readJournal(partPath(file), identity);
  return earlier?.done.reduce((sum, done) => sum + done, 0) ?? 0;
}

function journalPath(path: string): string {
  return `${path}.journal`;
}

function headerLine({ size, content, chunkBytes }: PartIdentity): string {
  return `armature-part 1 ${size} ${content} ${chunkBytes}\n`;
}

/** Undefined if there is nothing to go on from: no journal, another content, or a .part shorter than the journal says. */
async function readJournal(
  path: string,
  identity: PartIdentity,
): Promise<{ chunkBytes: number; done: number[] } | undefined> {
  const text = await readFile(journalPath(path), "utf8").catch(() => "");
  // The last element is empty, or a line that was cut off while it was written.
  const [header = "", ...lines] = text.split("\n").slice(0, -1);
  const chunkBytes = Number(header.split(" ").at(-1));
  if (!Number.isInteger(chunkBytes) || chunkBytes <= 0) return undefined;
  if (`${header}\n` !== headerLine({ ...identity, chunkBytes })) return undefined;

  const done = new Array<number>(chunkCount(identity.size, chunkBytes)).fill(0);
  let reach = 0;
  for (const line of lines) {
    const [chunk = -1, bytes = -1] = line.split(" ").map(Number);
    const start = chunk * chunkBytes;
    const length = Math.min(identity.size, start + chunkBytes) - start;
    if (!(chunk in done) || !(bytes >= 0 && bytes <= length)) return undefined;
    done[chunk] = Math.max(done[chunk]!, bytes);
    reach = Math.max(reach, start + bytes);
  }
  const onDisk = await stat(path).catch(() => undefined);
  return onDisk && onDisk.size >= reach ? { chunkBytes, done } : undefined;
}

function chunkCount(size: number, chunkBytes: number): number {
  return Math.ceil(size / chunkBytes);
}

async function writeAll(handle: FileHandle, buffers: Uint8Array[], position: number, length: number): Promise<void> {
  const { bytesWritten } = await handle.writev(buffers, position);
  if (bytesWritten === length) return;
  // A short write (a signal, a full disk) is rare: go on byte for byte, so that the reason comes out as an error.
  const rest = Buffer.concat(buffers).subarray(bytesWritten);
  let written = 0;
  while (written < rest.length) {
    const more = await handle.write(rest, written, rest.length - written, position + bytesWritten + written);
    written += more.bytesWritten;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  // Windows cannot open a folder, and some network file systems cannot sync one; the file itself is safe by then.
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
