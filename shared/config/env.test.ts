import { InvalidConfig } from "@armature/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { commaList, configHelp, configTable, flag, readConfig } from "./env.js";

const Config = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(1111).describe("Port to listen on; 0 picks a free one"),
  LOG_LEVEL: z.enum(["error", "warn", "info"]).default("info").describe("What to log"),
  MODELS: commaList(z.string().regex(/^[\w/.-]+$/)).describe("Models to serve; default all | some"),
  VERBOSE: flag().default(false).describe("Say more"),
  PREPROCESSOR_URL: z.url().optional().describe("Where the preprocessor listens"),
  S3_SECRET: z.string().min(10).optional().meta({ secret: true }).describe("Key of the store"),
});

function complaint(env: Record<string, string>, schema: z.ZodObject = Config) {
  try {
    readConfig(schema, env);
  } catch (error) {
    if (error instanceof InvalidConfig) return error.message;
    throw error;
  }
  return undefined;
}

test("unset, empty and blank variables mean their defaults", () => {
  const defaults = { PORT: 1111, LOG_LEVEL: "info", VERBOSE: false };
  expect(readConfig(Config, {})).toEqual(defaults);
  expect(readConfig(Config, { PORT: "", LOG_LEVEL: " ", MODELS: "", VERBOSE: "", PREPROCESSOR_URL: "" })).toEqual(
    defaults,
  );
});

test("given variables are read as what they are, others are left alone", () => {
  const env = {
    PORT: " 0 ",
    MODELS: "tiny-sd, Lykon/DreamShaper,",
    VERBOSE: "no",
    PATH: "/bin",
    S3_SECRET: "0123456789",
  };
  const expected = {
    PORT: 0,
    LOG_LEVEL: "info",
    MODELS: ["tiny-sd", "Lykon/DreamShaper"],
    VERBOSE: false,
    S3_SECRET: "0123456789",
  };
  expect(readConfig(Config, env)).toEqual(expected);
  expect(readConfig(Config, { VERBOSE: "true" }).VERBOSE).toBe(true);
});

test("a list that is empty is not given, and never holds an empty name", () => {
  for (const MODELS of ["", " ", ",", " , ,"]) expect(readConfig(Config, { MODELS }).MODELS).toBeUndefined();
  expect(readConfig(Config, { MODELS: "a,,b" }).MODELS).toEqual(["a", "b"]);
});

test.each([
  [{ PORT: "abc" }, 'PORT: wants a number, found "abc"'],
  [{ PORT: "1.5" }, 'PORT: wants a whole number, found "1.5"'],
  [{ PORT: "70000" }, 'PORT: wants at most 65535, found "70000"'],
  [{ PORT: "Infinity" }, 'PORT: wants a number, found "Infinity"'],
  [{ LOG_LEVEL: "warning" }, 'LOG_LEVEL: wants one of error, warn, info, found "warning"'],
  [{ LOG_LEVEL: "wran" }, 'LOG_LEVEL: wants one of error, warn, info, found "wran"; did you mean "warn"?'],
  [{ MODELS: "ok,not ok" }, 'MODELS, item 2: wants text that matches /^[\\w/.-]+$/, found "ok,not ok"'],
  [{ VERBOSE: "maybe" }, 'VERBOSE: wants true or false, found "maybe"'],
  [{ PREPROCESSOR_URL: "nowhere" }, 'PREPROCESSOR_URL: wants text in the format url, found "nowhere"'],
  [{ S3_SECRET: "hunter2" }, "S3_SECRET: wants at least 10 characters, found a secret"],
])("%j is refused in one clear line", (env, line) => {
  expect(complaint(env)).toBe(line);
});

test("each wrong variable has its line, a missing one too", () => {
  const schema = Config.extend({ BUCKET: z.string().describe("Bucket") });
  expect(complaint({ PORT: "x", VERBOSE: "perhaps" }, schema)?.split("\n")).toEqual([
    'PORT: wants a number, found "x"',
    'VERBOSE: wants true or false, found "perhaps"',
    "BUCKET: is required; wants a string",
  ]);
});

test("help and the README's table come from the schema", () => {
  expect(configHelp(Config).split("\n").slice(0, 4)).toEqual([
    "  PORT              Port to listen on; 0 picks a free one",
    "                    (default: 1111)",
    "  LOG_LEVEL         What to log. One of error, warn, info",
    "                    (default: info)",
  ]);
  expect(configTable(Config).split("\n").slice(0, 6)).toEqual([
    "| Variable | Default | Meaning |",
    "| --- | --- | --- |",
    "| `PORT` | `1111` | Port to listen on; 0 picks a free one |",
    "| `LOG_LEVEL` | `info` | What to log. One of error, warn, info |",
    "| `MODELS` |  | Models to serve; default all \\| some |",
    "| `VERBOSE` | `false` | Say more |",
  ]);
});
