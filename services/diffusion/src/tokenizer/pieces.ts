/** Cuts a prompt into the pieces that CLIP's byte-pair encoding sees, the way transformers' CLIPTokenizer does. */

/** A token that stands for itself wherever it occurs in a text, such as `<|endoftext|>`. */
export interface AddedToken {
  content: string;
  id: number;
  /** Whether it is looked for in the cleaned, lower-cased text (else in the text as it was written). */
  normalized: boolean;
}

interface Piece {
  /** The cleaned, lower-cased word. */
  word: string;
  /** The id of an added token; undefined for an ordinary word. */
  id: number | undefined;
  /** The prompt from this piece up to the next as it was written, but for white space and Unicode composition. */
  source: string;
}

/** Pieces of `text` in order. White space separates and is no piece. */
export function piecesOf(text: string, added: AddedToken[]): Piece[] {
  const pieces: Piece[] = [];
  for (const part of splitAt(
    text,
    added.filter((token) => !token.normalized),
  )) {
    if (part.id !== undefined) pieces.push({ word: part.text, id: part.id, source: part.text });
    else
      pieces.push(
        ...cleanPieces(
          part.text,
          added.filter((token) => token.normalized),
        ),
      );
  }
  return pieces;
}

/** Contractions, runs of letters, single digits, runs of anything else. */
const WORD = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

function cleanPieces(text: string, added: AddedToken[]): Piece[] {
  const written = text.normalize("NFC").replace(/\p{White_Space}+/gu, " ");
  const { lower, writtenAt } = lowerCase(written);
  const found: { word: string; id: number | undefined; start: number }[] = [];
  for (const part of splitAt(
    lower,
    added.map((token) => ({ ...token, content: token.content.toLowerCase() })),
  )) {
    if (part.id !== undefined) found.push({ word: part.text, id: part.id, start: part.start });
    else
      for (const match of part.text.matchAll(WORD))
        found.push({ word: match[0], id: undefined, start: part.start + match.index });
  }
  return found.map(({ word, id, start }, i) => {
    const next = found[i + 1];
    return { word, id, source: written.slice(writtenAt[start], next && writtenAt[next.start]) };
  });
}

/** Character by character: a rule that looks at neighbours, such as the one for a final sigma, must not apply. */
function lowerCase(text: string): { lower: string; writtenAt: number[] } {
  let lower = "";
  const writtenAt: number[] = [];
  let at = 0;
  for (const character of text) {
    lower += character.toLowerCase();
    while (writtenAt.length < lower.length) writtenAt.push(at);
    at += character.length;
  }
  return { lower, writtenAt };
}

/** Cuts a text before and after each added token; of two that start at one place the longer wins. */
function splitAt(
  text: string,
  tokens: Pick<AddedToken, "content" | "id">[],
): { text: string; id: number | undefined; start: number }[] {
  const longestFirst = [...tokens].sort((a, b) => b.content.length - a.content.length);
  const ids = new Map(longestFirst.map(({ content, id }) => [content, id]));
  if (ids.size === 0) return [{ text, id: undefined, start: 0 }];
  const pattern = new RegExp(`(${[...ids.keys()].map(escapeRegExp).join("|")})`, "u");
  let start = 0;
  const parts = text.split(pattern).map((part) => {
    const at = start;
    start += part.length;
    return { text: part, id: ids.get(part), start: at };
  });
  return parts.filter((part) => part.text !== "");
}

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
