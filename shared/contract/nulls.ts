/** Clients that fill in every field send null for what they leave open. */
import type { z } from "zod";

type Path = readonly PropertyKey[];

/**
 * A copy without the nulls that `issues` find fault with, each a member of an object; a null that a schema takes, such as a scheduler's
 * `trained_betas`, stays, and an unknown name is a mistake with every value. Undefined where no issue is about such a null.
 */
export function withoutRefusedNulls(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const refused = new Map<object, Set<PropertyKey>>();
  for (const path of issues.flatMap((issue) => placesOf(issue, []))) {
    const parent = valueAt(value, path.slice(0, -1));
    const key = path.at(-1);
    if (!isRecord(parent) || key === undefined || parent[key] !== null) continue;
    refused.set(parent, (refused.get(parent) ?? new Set()).add(key));
  }
  return refused.size > 0 ? copied(value, refused) : undefined;
}

/** The places that an issue is about; of a union, those of each of its forms. */
function placesOf(issue: z.core.$ZodIssue, parent: Path): Path[] {
  const path = [...parent, ...issue.path];
  if (issue.code === "invalid_union") return [path, ...issue.errors.flat().flatMap((form) => placesOf(form, path))];
  return [path];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), value);
}

function copied(value: unknown, refused: ReadonlyMap<object, Set<PropertyKey>>): unknown {
  if (Array.isArray(value)) return value.map((item) => copied(item, refused));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !refused.get(value)?.has(key));
  return Object.fromEntries(kept.map(([key, member]) => [key, copied(member, refused)]));
}

const isObject = (value: unknown): value is Record<PropertyKey, unknown> => typeof value === "object" && value !== null;
const isRecord = (value: unknown): value is Record<PropertyKey, unknown> => isObject(value) && !Array.isArray(value);
