/** A model's scheduler_config.json. */
import { InvalidModel } from "@armature/core";
import { readSmallFile } from "@armature/weights";
import type { SchedulerConfig } from "../schedulers/scheduler.js";

/** Reads the file. Throws InvalidModel, naming the file. Options are not checked: `resolveScheduler` does. */
export function readSchedulerConfig(file: string): SchedulerConfig {
  return parseSchedulerConfig(readSmallFile(file), file);
}

/** Reads the text of a scheduler_config.json. `file` serves messages alone. */
export function parseSchedulerConfig(text: string, file: string): SchedulerConfig {
  let parsed: unknown;
  try {
    parsed = parsePythonJson(text);
  } catch (cause) {
    throw new InvalidModel(`${file}: is not JSON`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new InvalidModel(`${file}: is not a JSON object`);
  }
  const { _class_name: name, ...rest } = parsed as Record<string, unknown>;
  if (typeof name !== "string") throw new InvalidModel(`${file}: _class_name is ${JSON.stringify(name)}, not a name`);
  const options = Object.entries(rest).filter(([key]) => !key.startsWith("_") && key !== "name");
  return { name, ...Object.fromEntries(options) };
}

/** JSON has no such text, so nothing in a file can be mistaken for it. */
const NAN = "\u0000NaN";

/** JSON as Python writes it: with a bare Infinity, -Infinity or NaN as a number, and nothing else beyond JSON. */
function parsePythonJson(text: string): unknown {
  const json = text.replace(/"(?:[^"\\]|\\.)*"|\bInfinity\b|\bNaN\b/g, (token) => {
    if (token === "Infinity") return "1e999"; // Valid JSON that reads as Infinity; a minus before it stays.
    return token === "NaN" ? JSON.stringify(NAN) : token;
  });
  return JSON.parse(json, (_, value) => (value === NAN ? Number.NaN : value));
}
