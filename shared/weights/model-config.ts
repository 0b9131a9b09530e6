/** Reads a model's config.json so that no value is ignored: each key is used, known to be harmless, or an error by name. */
import { InvalidModel } from "@armature/core";
import { readSmallFile } from "./small-file.js";

/** A number above every width, vocabulary and length there is: more would be a mistake, or an attack on the memory. */
const MOST = 2 ** 20;
/** Most parts that a network has one after another or side by side, each with weights of its own: levels, layers, heads. */
const MOST_PARTS = 256;

const MOST_SHOWN = 200;

const WHOLE = `a positive whole number up to ${MOST}`;
const COUNT = `a positive whole number up to ${MOST_PARTS}`;

export class ModelConfig {
  private readonly unread: Set<string>;

  constructor(
    readonly file: string,
    private readonly values: Record<string, unknown>,
  ) {
    this.unread = new Set(Object.keys(values).filter((key) => !key.startsWith("_")));
  }

  static read(file: string): ModelConfig {
    return new ModelConfig(file, parseConfig(readSmallFile(file), file));
  }

  /** Whether the key is there with a value. */
  has(key: string): boolean {
    return (this.values[key] ?? null) !== null;
  }

  isObject(key: string): boolean {
    return isRecord(this.values[key]);
  }

  /** A positive whole number that a network can have of anything. */
  integer(key: string, fallback?: number): number {
    return this.take(key, fallback, WHOLE, isPositiveInteger);
  }

  number(key: string, fallback?: number): number {
    return this.take(key, fallback, "a number", (value): value is number => Number.isFinite(value));
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.take(key, fallback, "true or false", (value): value is boolean => typeof value === "boolean");
  }

  integers(key: string, fallback?: number[]): number[] {
    return this.take(key, fallback, `a list of up to ${MOST_PARTS}, each ${WHOLE},`, isIntegers);
  }

  /** Reads a number of layers or other parts, as `integer` does. */
  count(key: string, fallback?: number): number {
    return this.take(key, fallback, COUNT, isCount);
  }

  /** One count for all of `count` levels, or a list with one for each. */
  countPerLevel(key: string, count: number, fallback?: number): number[] {
    const wanted = `${COUNT} or a list of ${count} of them`;
    const valid = (value: unknown): value is number | number[] =>
      isCount(value) || (Array.isArray(value) && value.length === count && value.every(isCount));
    const value = this.take(key, fallback, wanted, valid);
    return typeof value === "number" ? Array(count).fill(value) : value;
  }

  /** A list of `count` numbers. */
  numbers(key: string, count: number, fallback?: number[]): number[] {
    const valid = (value: unknown): value is number[] =>
      Array.isArray(value) && value.length === count && value.every(Number.isFinite);
    return this.take(key, fallback, `a list of ${count} numbers`, valid);
  }

  oneOf<const T extends string | number>(key: string, allowed: readonly T[], fallback?: T): T {
    const wanted = `one of ${allowed.join(", ")}`;
    return this.take(key, fallback, wanted, (value): value is T => allowed.includes(value as T));
  }

  /** A list of `count` names, each one of `allowed`. */
  names<const T extends string>(key: string, allowed: readonly T[], fallback?: T[]): T[] {
    const valid = (value: unknown): value is T[] =>
      Array.isArray(value) && value.every((name) => allowed.includes(name as T));
    return this.take(key, fallback, `a list of ${allowed.join(", ")}`, valid);
  }

  /** A part of the config with keys of its own. */
  section(key: string): ModelConfig {
    return new ModelConfig(`${this.file}: ${key}`, this.take(key, undefined, "an object", isRecord));
  }

  /** Keys that do not change what the network computes here. */
  ignore(...keys: string[]): void {
    for (const key of keys) this.unread.delete(key);
  }

  /** Keys whose only supported values are these; a missing key or null means the same. */
  require(values: Record<string, unknown>): void {
    for (const [key, supported] of Object.entries(values)) {
      this.unread.delete(key);
      const value = this.values[key] ?? null;
      if (value === null || JSON.stringify(value) === JSON.stringify(supported)) continue;
      throw this.unsupported(key, `${JSON.stringify(supported)} is supported`);
    }
  }

  /** Ends the reading: any key left over is one that nothing here understands. */
  done(): void {
    for (const key of this.unread) {
      if (this.values[key] !== null) throw this.unsupported(key, "the key is not known");
    }
  }

  private take<T>(key: string, fallback: T | undefined, wanted: string, valid: (value: unknown) => value is T): T {
    this.unread.delete(key);
    const value = this.values[key] ?? fallback;
    if (value === undefined) throw new InvalidModel(`${this.file}: ${key} is missing; ${wanted} was expected`);
    if (!valid(value)) throw this.unsupported(key, `${wanted} was expected`);
    return value;
  }

  private unsupported(key: string, hint: string): InvalidModel {
    return new InvalidModel(`${this.file}: ${key} is ${shown(this.values[key])}; ${hint}`);
  }
}

/** The JSON object that `text` of a file is. Throws InvalidModel, naming the file, for any other text. */
export function parseConfig(text: string, file: string): Record<string, unknown> {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new InvalidModel(`${file}: cannot be read as JSON`, { cause });
  }
  if (!isRecord(values)) throw new InvalidModel(`${file}: a JSON object was expected`);
  return values;
}

/** A value as a message may show it. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPositiveInteger(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MOST;
}

function isCount(value: unknown): value is number {
  return isPositiveInteger(value) && value <= MOST_PARTS;
}

function isIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.length <= MOST_PARTS && value.every(isPositiveInteger);
}
