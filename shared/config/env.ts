/** Reads a service's configuration from environment variables, by the one zod schema that also writes its documentation. */

import { InvalidConfig } from "@armature/core";
import { z } from "zod";
import { found, nearValue, wanted } from "./wording.js";

type Environment = Record<string, string | undefined>;

/**
 * The configuration in `env`. A variable that is unset or empty means its default. Throws InvalidConfig with one line
 * a wrong variable; the value of one with `.meta({ secret: true })` is not repeated.
 */
export function readConfig<Schema extends z.ZodObject>(schema: Schema, env: Environment): z.output<Schema> {
  const given = Object.keys(schema.shape).flatMap((name) => {
    const value = env[name]?.trim();
    return value ? [[name, value] as const] : [];
  });
  const result = schema.safeParse(Object.fromEntries(given), {
    error: (issue) => `wants ${wanted(issue) || "another value"}`,
  });
  if (result.success) return result.data;
  const values = new Map(given);
  throw new InvalidConfig(result.error.issues.map((issue) => complaint(issue, schema, values)).join("\n"));
}

/** Text for `--help`: name, default and meaning of each variable. */
export function configHelp(schema: z.ZodObject): string {
  const variables = describeVariables(schema);
  const width = Math.max(...variables.map(({ name }) => name.length));
  const indent = " ".repeat(width + 4);
  return variables
    .map(
      ({ name, preset, meaning }) =>
        `  ${name.padEnd(width)}  ${meaning}${preset ? `\n${indent}(default: ${preset})` : ""}`,
    )
    .join("\n");
}

/** A Markdown table of the variables, for the README. */
export function configTable(schema: z.ZodObject): string {
  const rows = describeVariables(schema).map(({ name, preset, meaning }) => {
    return `| \`${name}\` | ${preset ? `\`${preset}\`` : ""} | ${meaning.replaceAll("|", "\\|")} |`;
  });
  return ["| Variable | Default | Meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/**
 * A comma-separated list. Undefined if the variable is unset, empty or holds nothing but commas: "not given" is a
 * meaning of its own, and never a list with one empty name. Spaces around names are dropped.
 */
export function commaList<Item extends z.ZodType<unknown, string>>(item: Item) {
  const split = (text: string) => {
    const names = text
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
    return names.length > 0 ? names : undefined;
  };
  return z
    .string()
    .optional()
    .transform((text) => split(text ?? ""))
    .pipe(z.array(item).optional());
}

/** A switch: `true`, `1`, `yes`, `on` or `false`, `0`, `no`, `off`. */
export const flag = () => z.stringbool({ error: "wants true or false" });

/** A complaint in one line: the variable, what was wanted, what was found. */
function complaint(issue: z.core.$ZodIssue, schema: z.ZodObject, values: Map<string, string>): string {
  const [name = "", ...inside] = issue.path.map(String);
  const value = values.get(name);
  const secret = schema.shape[name]?.meta()?.secret === true;
  const place = inside.length > 0 ? `${name}, item ${Number(inside[0]) + 1}` : name;
  if (value === undefined) return `${place}: is required; ${issue.message}`;
  return `${place}: ${issue.message}, found ${secret ? "a secret" : found(value)}${nearValue(issue, value)}`;
}

interface Variable {
  name: string;
  preset: string;
  meaning: string;
}

function describeVariables(schema: z.ZodObject): Variable[] {
  return Object.entries(schema.shape).map(([name, variable]) => {
    const choices = choicesOf(variable);
    const meaning = [variable.description ?? "", choices.length > 0 && `One of ${choices.join(", ")}`]
      .filter(Boolean)
      .join(". ");
    return { name, preset: presetOf(variable), meaning };
  });
}

function presetOf(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return String(schema.def.defaultValue);
  if (schema instanceof z.ZodOptional) return presetOf(schema.unwrap());
  if (schema instanceof z.ZodPipe) return presetOf(schema.in);
  return "";
}

function choicesOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return choicesOf(schema.unwrap());
  return [];
}
