/** Turns zod's issues into sentences that say what was wanted and what was found. Never repeats more than a line of the input. */

import { nearest } from "@armature/core";
import { z } from "zod";

/** An issue with the schema and the input that it is about, as zod hands it to an error map. */
type Issue = Parameters<z.core.$ZodErrorMap>[0];

const LONGEST_QUOTE = 40;
const MOST_NAMES = 16;

const TYPES: Record<string, string> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
  null: "null",
  nonoptional: "a value",
};

const UNITS: Record<string, string> = { string: " characters", array: " items", set: " items", record: " entries" };

/** What the schema wanted where `issue` arose, such as `a whole number` or `at most 4 items`. Empty where zod knows no more. */
export function wanted(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected ?? ""] ?? `a value of type ${issue.expected}`;
    case "invalid_value":
      return oneOf(issue.values?.map(String) ?? []);
    case "too_small":
      return `${bound(issue, "at least", "more than")} ${issue.minimum}${UNITS[issue.origin ?? ""] ?? ""}`;
    case "too_big":
      return `${bound(issue, "at most", "less than")} ${issue.maximum}${UNITS[issue.origin ?? ""] ?? ""}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_format":
      return issue.format === "regex" ? `text that matches ${issue.pattern}` : `text in the format ${issue.format}`;
    default:
      return "";
  }
}

/** A value as a message may show it: its type and, if it is short, itself. */
export function found(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value === "string")
    return value.length > LONGEST_QUOTE ? `a text of ${value.length} characters` : quote(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  return String(value);
}

/** A name in quotes, cut where it is too long for a message. */
export function quote(name: string): string {
  return JSON.stringify(name.length > LONGEST_QUOTE ? `${name.slice(0, LONGEST_QUOTE)}…` : name);
}

/**
 * An error map for zod: a message of the schema's own goes first, this one is used where there is none.
 * Issues of unknown keys get a line a key.
 */
export function describe(issue: Issue): string | undefined {
  if (issue.code === "unrecognized_keys") return unknownKeys(issue);
  const wish = wanted(issue);
  if (!wish) return undefined;
  if (issue.input === undefined) return `is required: ${wish}`;
  return `wants ${wish}, found ${found(issue.input)}${nearValue(issue, issue.input)}`;
}

/** How the message about an unknown name goes on: the near one, or all there are if they are few. */
function didYouMean(name: string, known: string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `; did you mean ${quote(near)}?`;
  return known.length > 0 && known.length <= MOST_NAMES ? `; there are ${known.join(", ")}` : "";
}

/** Names the permitted value that `input` is probably meant to be, where the issue is about a choice. */
export function nearValue(issue: Issue | z.core.$ZodIssue, input: unknown): string {
  if (issue.code !== "invalid_value" || typeof input !== "string") return "";
  const near = nearest(input, issue.values?.map(String) ?? []);
  return near === undefined ? "" : `; did you mean ${quote(near)}?`;
}

function unknownKeys(issue: Issue & { code: "unrecognized_keys" }): string {
  const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [];
  const keys = (issue.keys ?? []).slice(0, MOST_NAMES);
  return keys.map((key) => `unknown field ${quote(key)}${didYouMean(key, known)}`).join("\n");
}

function oneOf(values: string[]): string {
  if (values.length === 1) return quote(values[0]!);
  const shown = values.slice(0, MOST_NAMES).join(", ");
  return values.length > MOST_NAMES ? `one of ${values.length} values (${shown}, …)` : `one of ${shown}`;
}

function bound(issue: { inclusive?: boolean; exact?: boolean }, inclusive: string, exclusive: string): string {
  if (issue.exact) return "exactly";
  return issue.inclusive === false ? exclusive : inclusive;
}
