/** Reads the small files of models. A name may lead to anything: a device without end, a pipe that nobody writes, a huge file. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { InvalidModel, isVanished } from "@armature/core";

/** Configs take some kilobytes, and some tens with the names of a thousand classes. */
const CONFIG_BYTES = 2 ** 20;

/** Vocabularies, merges and indexes of weight files take up to some megabytes. */
export const TABLE_BYTES = 2 ** 24;

/** Flags that open a pipe without waiting for somebody who writes; Windows knows no such pipes. */
const READ_AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * The text of a regular file of at most `maxBytes`, in UTF-8. Throws InvalidModel, naming the file, for anything else; an error of
 * the file system is its cause.
 */
export function readSmallFile(file: string, maxBytes = CONFIG_BYTES): string {
  const descriptor = openRegularFile(file);
  try {
    const { size } = fstatSync(descriptor);
    if (size > maxBytes) throw new InvalidModel(`${file}: has ${size} bytes; at most ${maxBytes} are read`);
    return readUpTo(descriptor, size).toString("utf8");
  } finally {
    closeSync(descriptor);
  }
}

/** Reads a file as `readSmallFile` does; undefined where there is no such file. */
export function readSmallFileIfThere(file: string, maxBytes = CONFIG_BYTES): string | undefined {
  try {
    return readSmallFile(file, maxBytes);
  } catch (error) {
    if (error instanceof InvalidModel && error.cause && isVanished(error.cause)) return undefined;
    throw error;
  }
}

/** The descriptor of a regular file; the caller closes it. Throws InvalidModel, naming the file, at once for anything else. */
export function openRegularFile(file: string): number {
  const descriptor = open(file);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new InvalidModel(`${file}: is not a file`);
}

function open(file: string): number {
  try {
    return openSync(file, READ_AT_ONCE);
  } catch (cause) {
    throw new InvalidModel(`${file}: cannot be opened (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** Less than `length` bytes where the file was cut meanwhile. */
function readUpTo(descriptor: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, bytes, filled, length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
