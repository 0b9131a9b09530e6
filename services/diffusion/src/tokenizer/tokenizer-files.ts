/** Reads a CLIP tokenizer's folder as diffusers stores it, and refuses what the code does not follow. */
import { join } from "node:path";
import { InvalidModel } from "@armature/core";
import { readSmallFile, readSmallFileIfThere, TABLE_BYTES } from "@armature/weights";
import type { BpeTables } from "./bpe.js";
import type { AddedToken } from "./pieces.js";

export interface TokenizerFiles {
  tables: BpeTables;
  added: AddedToken[];
  startId: number;
  endId: number;
  padId: number;
  /** Tokens in a full sequence, start and end included. */
  maxLength: number;
}

/** What every CLIP text encoder of Stable Diffusion 1 and 2 takes; used where the config names no length. */
const CLIP_LENGTH = 77;

/** Reads vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json. Throws InvalidModel, naming the file. */
export function readTokenizerFiles(folder: string): TokenizerFiles {
  const configFile = join(folder, "tokenizer_config.json");
  const config = { ...readOptionalJson(join(folder, "special_tokens_map.json")), ...readJson(configFile) };
  refuseUnsupported(configFile, config);
  const ids = readVocabulary(join(folder, "vocab.json"));

  const token = (role: string) => specialToken(configFile, role, config[role], ids);
  const start = token("bos_token");
  const end = token("eos_token");
  const pad = token("pad_token");
  const unknown = token("unk_token");
  return {
    tables: { ids, ranks: readMerges(join(folder, "merges.txt"), ids), unknownId: unknown.id },
    added: [...byContent([...addedTokens(configFile, config.added_tokens_decoder), pad, unknown, end, start]).values()],
    startId: start.id,
    endId: end.id,
    padId: pad.id,
    maxLength: maxLength(configFile, config.model_max_length),
  };
}

function refuseUnsupported(file: string, config: Record<string, unknown>): void {
  const required = { do_lower_case: true, add_prefix_space: false, tokenizer_class: "CLIPTokenizer" };
  for (const [key, wanted] of Object.entries(required)) {
    const value = config[key] ?? wanted;
    if (value !== wanted && value !== `${wanted}Fast`) {
      throw new InvalidModel(
        `${file}: ${key} is ${JSON.stringify(value)}, only ${JSON.stringify(wanted)} is supported`,
      );
    }
  }
}

function readVocabulary(file: string): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(readJson(file))) {
    if (!Number.isSafeInteger(id) || (id as number) < 0) {
      throw new InvalidModel(`${file}: token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}`);
    }
    ids.set(token, id as number);
  }
  return ids;
}

/** One merge a line, best first, under a line with the format's version. Each makes a token of the vocabulary. */
function readMerges(file: string, ids: ReadonlyMap<string, number>): Map<string, number> {
  const lines = readSmallFile(file, TABLE_BYTES).split(/\r?\n/);
  if (lines[0]?.startsWith("#version")) lines.shift();
  while (lines.at(-1) === "") lines.pop();
  const wrong = lines.find((line) => line.split(" ").length !== 2);
  if (wrong !== undefined) throw new InvalidModel(`${file}: ${JSON.stringify(wrong)} is not a pair of symbols`);
  if (lines.length === 0) throw new InvalidModel(`${file}: holds no merges`);
  const unknown = lines.find((line) => !ids.has(line.replace(" ", "")));
  if (unknown !== undefined) {
    throw new InvalidModel(`${file}: ${JSON.stringify(unknown)} makes a symbol that is not in vocab.json`);
  }
  return new Map(lines.map((line, rank) => [line, rank]));
}

/** A token by its role. A bare string is a special token as transformers makes one: looked for in the text as written. */
function specialToken(file: string, role: string, value: unknown, ids: ReadonlyMap<string, number>): AddedToken {
  const entry = typeof value === "string" ? { content: value } : value;
  const { content, normalized } = readAddedToken(file, role, entry);
  const id = ids.get(content);
  if (id === undefined) throw new InvalidModel(`${file}: ${role} ${JSON.stringify(content)} is not in vocab.json`);
  return { content, id, normalized };
}

/** Newer files list every added token under its id. */
function addedTokens(file: string, byId: unknown): AddedToken[] {
  if (byId === undefined) return [];
  if (!isRecord(byId)) throw new InvalidModel(`${file}: added_tokens_decoder is not an object`);
  return Object.entries(byId).map(([key, entry]) => {
    const where = `added_tokens_decoder ${JSON.stringify(key)}`;
    const id = Number(key);
    if (!Number.isSafeInteger(id)) throw new InvalidModel(`${file}: ${where} is not a token id`);
    return { ...readAddedToken(file, where, entry), id };
  });
}

function readAddedToken(file: string, where: string, entry: unknown): { content: string; normalized: boolean } {
  if (!isRecord(entry) || typeof entry.content !== "string" || entry.content === "") {
    throw new InvalidModel(`${file}: ${where} is ${JSON.stringify(entry)}, not a token`);
  }
  for (const key of ["lstrip", "rstrip", "single_word"]) {
    if (entry[key]) throw new InvalidModel(`${file}: ${where} has ${key}, which is not supported`);
  }
  return { content: entry.content, normalized: entry.normalized === true };
}

/** Later ones win: a token may be declared by its id and again by its role. */
const byContent = (tokens: AddedToken[]) => new Map(tokens.map((token) => [token.content, token]));

function maxLength(file: string, value: unknown): number {
  const length = value ?? CLIP_LENGTH;
  if (!Number.isSafeInteger(length) || (length as number) < 3) {
    throw new InvalidModel(`${file}: model_max_length is ${JSON.stringify(length)}, not a number of tokens`);
  }
  return length as number;
}

function readJson(file: string): Record<string, unknown> {
  return parseJson(readSmallFile(file, TABLE_BYTES), file);
}

function readOptionalJson(file: string): Record<string, unknown> {
  const text = readSmallFileIfThere(file, TABLE_BYTES);
  return text === undefined ? {} : parseJson(text, file);
}

function parseJson(text: string, file: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new InvalidModel(`${file}: is not JSON`, { cause });
  }
  if (!isRecord(parsed)) throw new InvalidModel(`${file}: is not a JSON object`);
  return parsed;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
