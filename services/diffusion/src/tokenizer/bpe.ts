/** Byte-pair encoding: Sennrich et al. 2016, arXiv:1508.07909, over bytes as in GPT-2, with CLIP's end-of-word mark. */

const END_OF_WORD = "</w>";

/** The tables of one vocabulary: the id of each token, and the rank of each merge by its two sides, joined by a space. */
export interface BpeTables {
  ids: ReadonlyMap<string, number>;
  ranks: ReadonlyMap<string, number>;
  /** Stands for a symbol that the vocabulary lacks. */
  unknownId: number;
}

/** Token ids of one word (no splitting, no cleaning). An empty word has none. */
export function encodeWord(word: string, { ids, ranks, unknownId }: BpeTables): number[] {
  return mergeSymbols(symbolsOf(word), ranks).map((symbol) => ids.get(symbol) ?? unknownId);
}

function symbolsOf(word: string): string[] {
  const symbols = Array.from(Buffer.from(word, "utf8"), (byte) => BYTE_SYMBOLS[byte]!);
  if (symbols.length > 0) symbols[symbols.length - 1] += END_OF_WORD;
  return symbols;
}

/** Merges the pair of lowest rank, the leftmost if it occurs more than once, until no pair is in the table. */
function mergeSymbols(symbols: string[], ranks: ReadonlyMap<string, number>): string[] {
  const rankAt = (i: number) => ranks.get(`${symbols[i]} ${symbols[i + 1]}`) ?? Number.POSITIVE_INFINITY;
  const pairRanks = Array.from({ length: Math.max(symbols.length - 1, 0) }, (_, i) => rankAt(i));
  for (let at = lowest(pairRanks); at !== undefined; at = lowest(pairRanks)) {
    symbols.splice(at, 2, symbols[at]! + symbols[at + 1]!);
    pairRanks.splice(at, 1);
    if (at > 0) pairRanks[at - 1] = rankAt(at - 1);
    if (at < pairRanks.length) pairRanks[at] = rankAt(at);
  }
  return symbols;
}

/** Where the lowest rank stands; undefined if there is no merge left. */
function lowest(pairRanks: number[]): number | undefined {
  let at: number | undefined;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < pairRanks.length; i++) {
    if (pairRanks[i]! < best) {
      best = pairRanks[i]!;
      at = i;
    }
  }
  return at;
}

/** GPT-2's printable stand-in for each byte: itself where Latin-1 shows it, else the next free character from 256 on. */
const BYTE_SYMBOLS = byteSymbols();

function byteSymbols(): string[] {
  const shown = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(shown(byte) ? byte : next++));
}
