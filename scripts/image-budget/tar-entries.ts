/** Names and sizes of the files in a tar stream (POSIX.1-2001 ustar and pax, GNU long names). */

interface TarEntry {
  /** Path in the archive, without a leading `./` or `/`. */
  path: string;
  bytes: number;
}

const BLOCK = 512;
const TYPE = { file: "0", oldFile: "\0", contiguous: "7", pax: "x", gnuLongName: "L" };

/** The regular files of `stream`, in order. Throws for a stream that ends within an entry. */
export async function* tarFiles(stream: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new BlockReader(stream);
  let longName: string | undefined;
  for (;;) {
    const header = await reader.read(BLOCK);
    if (header.length < BLOCK || header.every((byte) => byte === 0)) return;
    const type = String.fromCharCode(header[156] ?? 0);
    const bytes = sizeOf(header);
    const padded = Math.ceil(bytes / BLOCK) * BLOCK;
    if (type === TYPE.pax || type === TYPE.gnuLongName) {
      const body = (await reader.read(padded)).subarray(0, bytes);
      longName = (type === TYPE.pax ? paxPath(body) : text(body)) ?? longName;
      continue;
    }
    await reader.skip(padded);
    const path = longName ?? headerPath(header);
    longName = undefined;
    if (type === TYPE.file || type === TYPE.oldFile || type === TYPE.contiguous) {
      yield { path: path.replace(/^\.?\/+/, ""), bytes };
    }
  }
}

/** Octal digits, or a big-endian number where the first bit is set (GNU, for files of 8 GiB and more). */
function sizeOf(header: Buffer): number {
  const field = header.subarray(124, 136);
  if ((field[0] ?? 0) & 0x80) return Number(field.readBigUInt64BE(4));
  return Number.parseInt(text(field).trim() || "0", 8);
}

function headerPath(header: Buffer): string {
  const isUstar = header.toString("latin1", 257, 262) === "ustar";
  const prefix = isUstar ? text(header.subarray(345, 500)) : "";
  const name = text(header.subarray(0, 100));
  return prefix ? `${prefix}/${name}` : name;
}

/** Records are `<length> <key>=<value>\n`; the length counts the whole record. */
function paxPath(body: Buffer): string | undefined {
  let at = 0;
  while (at < body.length) {
    const length = Number.parseInt(body.toString("latin1", at, at + 20), 10);
    if (!(length > 0)) return undefined;
    const [key, value] = splitOnce(body.toString("utf8", body.indexOf(" ", at) + 1, at + length - 1), "=");
    if (key === "path") return value;
    at += length;
  }
  return undefined;
}

function splitOnce(string: string, separator: string): [string, string] {
  const at = string.indexOf(separator);
  return [string.slice(0, at), string.slice(at + 1)];
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

/** Cuts a stream of chunks into pieces of wanted lengths. */
class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next `length` bytes; fewer only at the end of the stream before an entry. */
  async read(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.#next(missing);
      if (!piece) break;
      parts.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(parts);
  }

  async skip(length: number): Promise<void> {
    let missing = length;
    while (missing > 0) {
      const piece = await this.#next(missing);
      if (!piece) throw new Error(`the archive ends ${missing} bytes before the end of an entry`);
      missing -= piece.length;
    }
  }

  async #next(atMost: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done) return undefined;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const piece = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }
}
