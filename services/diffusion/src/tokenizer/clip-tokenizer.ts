/** CLIP's tokenizer: a prompt in, the ids that the text encoder takes out. Equal to transformers' CLIPTokenizer. */
import { encodeWord } from "./bpe.js";
import { piecesOf } from "./pieces.js";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer-files.js";

interface TokenizedPrompt {
  /** Start, as many tokens as fit, end, padding: always `maxLength` ids. */
  ids: number[];
  /** 1 for start, tokens and end, 0 for padding. */
  attentionMask: number[];
  /** The end of the prompt that did not fit, as it was written, from the first word that is not whole; empty if all did. */
  cutOff: string;
}

export interface ClipTokenizer {
  readonly startId: number;
  readonly endId: number;
  readonly padId: number;
  /** Ids in a full sequence, start and end included: 77. */
  readonly maxLength: number;
  /** Of all that it may give. */
  readonly largestId: number;
  /** All ids of a prompt between start and end, however many they are. */
  encode(prompt: string): number[];
  /** The one sequence that the text encoder takes, cut and padded to `maxLength`. */
  tokenize(prompt: string): TokenizedPrompt;
}

/** Reads a model's `tokenizer` folder. Throws InvalidModel, naming the file, for what is missing or not supported. */
export function loadClipTokenizer(folder: string): ClipTokenizer {
  const files = readTokenizerFiles(folder);
  const { startId, endId, padId, maxLength } = files;
  return {
    startId,
    endId,
    padId,
    maxLength,
    largestId: largestId(files),
    encode: (prompt) => [startId, ...encodePieces(prompt, files).flatMap((piece) => piece.ids), endId],
    tokenize: (prompt) => fit(encodePieces(prompt, files), files),
  };
}

function largestId({ tables: { ids }, added }: TokenizerFiles): number {
  let largest = 0;
  for (const id of ids.values()) largest = Math.max(largest, id);
  return added.reduce((most, { id }) => Math.max(most, id), largest);
}

interface EncodedPiece {
  ids: number[];
  source: string;
}

function encodePieces(prompt: string, { tables, added }: TokenizerFiles): EncodedPiece[] {
  return piecesOf(prompt, added).map(({ word, id, source }) => ({
    ids: id === undefined ? encodeWord(word, tables) : [id],
    source,
  }));
}

function fit(pieces: EncodedPiece[], { startId, endId, padId, maxLength }: TokenizerFiles): TokenizedPrompt {
  const room = maxLength - 2;
  const kept = pieces.flatMap((piece) => piece.ids).slice(0, room);
  const padding = Array.from({ length: room - kept.length }, () => padId);
  return {
    ids: [startId, ...kept, endId, ...padding],
    attentionMask: [...kept.map(() => 1), 1, 1, ...padding.map(() => 0)],
    cutOff: sourceBeyond(pieces, room),
  };
}

function sourceBeyond(pieces: EncodedPiece[], room: number): string {
  let end = 0;
  const firstCut = pieces.findIndex((piece) => {
    end += piece.ids.length;
    return end > room;
  });
  return firstCut < 0
    ? ""
    : pieces
        .slice(firstCut)
        .map((piece) => piece.source)
        .join("")
        .trimEnd();
}
