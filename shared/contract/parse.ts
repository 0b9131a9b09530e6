/** Checks what a client sent against a zod schema, and says with JSON pointers what is wrong. */

import { describe } from "@armature/config";
import { AppError, type FieldIssue, InvalidRequest } from "@armature/core";
import type { z } from "zod";
import { withoutRefusedNulls } from "./nulls.js";

const MOST_ISSUES = 20;

/**
 * The value as the schema makes it. A member that is null counts as absent, unless the schema takes null for it. Throws InvalidRequest with one
 * entry a wrong field; the input itself is never repeated.
 */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { error: describe });
  if (result.success) return result.data;
  const filled = withoutRefusedNulls(value, result.error.issues);
  if (filled !== undefined) return parse(schema, filled);
  const issues = result.error.issues.slice(0, MOST_ISSUES).flatMap((issue) => fieldIssues(issue, []));
  throw new InvalidRequest(issues.slice(0, MOST_ISSUES));
}

/**
 * Runs `work` for one field of the request: an error that names no field yet gets this one,
 * so that a picture that cannot be decoded is reported at `/controlnets/0/image`.
 */
export async function inField<T>(pointer: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) error.pointer ??= pointer;
    throw error;
  }
}

/** A JSON pointer (RFC 6901) to a place in a value. */
export function jsonPointer(path: PropertyKey[]): string {
  return path.map((key) => `/${String(key).slice(0, 80).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function fieldIssues(issue: z.core.$ZodIssue, parent: PropertyKey[]): FieldIssue[] {
  const path = [...parent, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const lines = issue.message.split("\n");
    return lines.map((detail, i) => ({ pointer: jsonPointer([...path, issue.keys[i] ?? ""]), detail }));
  }
  if (issue.code === "invalid_union") return unionIssues(issue, path);
  return [{ pointer: jsonPointer(path), detail: issue.message }];
}

/** Issues of a value that fits no alternative of a union: those of the one alternative whose type it has, else what each wants. */
function unionIssues(union: z.core.$ZodIssueInvalidUnion, path: PropertyKey[]): FieldIssue[] {
  if ("options" in union && union.options) {
    return [{ pointer: jsonPointer(path), detail: `wants one of ${union.options.map(String).join(", ")}` }];
  }
  const ofRightType = union.errors.filter((issues) => issues.every((issue) => !isAboutWholeValue(issue)));
  const [best] = ofRightType.sort((a, b) => a.length - b.length);
  if (best) return best.flatMap((issue) => fieldIssues(issue, path));
  const details = new Set(union.errors.flatMap((issues) => issues.map((issue) => issue.message)));
  return [{ pointer: jsonPointer(path), detail: [...details].join("; or ") }];
}

const isAboutWholeValue = (issue: z.core.$ZodIssue) =>
  issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
