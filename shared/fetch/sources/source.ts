/** What every place that holds weights can do: say what a repository contains, and give bytes of a file. */
import type { FileHash } from "../file-hash.js";

export interface RemoteFile {
  path: string;
  size: number;
  /** Undefined where the source cannot tell (a plain directory): then only the size is checked. */
  hash: FileHash | undefined;
}

/** A repository at one commit. */
export interface Listing {
  repository: string;
  /** 40 hex digits, or undefined where the source knows none (a plain directory). */
  commit: string | undefined;
  files: RemoteFile[];
  /** Bytes of everything in the repository: what a clone would cost. Undefined where the source holds a part only. */
  repositoryBytes: number | undefined;
}

/** One file of a repository, pinned. */
export interface FileAddress extends RemoteFile {
  repository: string;
  commit: string | undefined;
}

/** Bytes `start` to `end`, the end not included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** What a source says before the first byte. */
export interface Answer {
  /** Where its bytes begin. */
  start: number;
  /** True if all bytes of the file come, because all were asked for or because the source ignores ranges. */
  whole: boolean;
  /** Bytes of the whole file, as the source says; undefined if it does not. */
  total: number | undefined;
}

/** Takes the bytes of one answer in order. */
export interface ByteSink {
  /** Called once, before the bytes. What it throws ends the transfer. */
  begin(answer: Answer): void;
  /** A returned promise asks to send nothing more until it resolves. `done` is called when the memory may be used again. */
  write(bytes: Uint8Array, done?: () => void): Promise<void> | undefined;
}

export interface WeightSource {
  /** Name of the source in messages: `https://huggingface.co`, `s3://bucket/prefix`. */
  readonly name: string;
  /** True for a disk: what it gives once, it gives again, so that asking twice is of no use. */
  readonly isLocal: boolean;
  /** Throws WeightsUnavailable. */
  list(repository: string, revision: string, signal: AbortSignal): Promise<Listing>;
  /** Sends the bytes of `range` (or, ignoring it, of the whole file) to `sink`. Resolves when the source has sent all it will. */
  read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
