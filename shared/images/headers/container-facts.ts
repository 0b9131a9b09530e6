/** What a picture's container says before anything is decoded. */
export interface ContainerFacts {
  width: number;
  height: number;
  /** Frames of an animation or pages of a document, at least 1; counted no further than one more than the reader's limit. */
  frames: number;
  /** True for a JPEG of several scans and an interlaced PNG: their decoders hold the whole picture beside its pixels. */
  progressive?: boolean;
}

/** Reads them; undefined where the container ends before it says so. Never throws, and takes time linear in the bytes. */
export type FactsReader = (bytes: Buffer, maxFrames: number) => ContainerFacts | undefined;
