import { ROOT } from "@armature/core";
import { expect, test } from "vitest";
import { missingFiles } from "./missing-files.js";
import { pair } from "./pair.js";
import { ROWS } from "./rows.js";
import { withoutBuild } from "./run.js";

const shown = [
  { command: "npm start", where: "README.md" },
  { command: "curl -s http://127.0.0.1:1111/generate", where: "README.md" },
  { command: "npm start", where: "docs/devices.md" },
];

test("each distinct command gets its row", () => {
  const rows = [
    { command: /^curl /, reason: "b" },
    { command: "npm start", reason: "a" },
  ];
  expect(pair(shown, rows)).toEqual([
    { command: "npm start", row: rows[1] },
    { command: "curl -s http://127.0.0.1:1111/generate", row: rows[0] },
  ]);
});

test("commands without a row, and rows without a command, are all named", () => {
  expect(() => pair(shown, [{ command: "npm start" }, { command: "npm run gone" }])).toThrow(
    "README.md: no row for curl -s http://127.0.0.1:1111/generate\n  no text shows npm run gone",
  );
});

test.each([
  ["npm run bench -- --growth", "node bench.js --growth"],
  ["A=1 npm run bench", "A=1 node bench.js"],
  ["npm start", "node start.js"],
  ["npm run bench -- --size 1 | grep '^a'", "node bench.js --size 1 | grep '^a'"],
  ["npm run gone -- --help", "npm run gone -- --help"],
  ["npx vitest list", "npx vitest list"],
])("%s is run without building again as %s", (command, expected) => {
  const build = "npm run --silent build && ";
  expect(withoutBuild(command, { bench: `${build}node bench.js`, start: `${build}node start.js` })).toBe(expected);
});

test("a file of the project that a command names has to be there", () => {
  const command =
    "A=1 docker compose -f dockerfiles/compose.yaml up && curl -d @models/gone.png x/scripts/no && npx vitest e2e/no.test.ts";
  expect(missingFiles(command, ROOT)).toEqual(["models/gone.png", "e2e/no.test.ts"]);
});

test.each([
  ["npm run fetch-weights", "npm run fetch-weights -- --list"],
  ["MODELS_DIR=weights npm run start:diffusion", "MODELS_DIR=weights npm run start:diffusion -- --help"],
  ["npm run bench -- --growth", "npm run bench -- --growth --help"],
])("the short form of %s is %s", (command, expected) => {
  expect(ROWS.find((row) => row.command === command)?.run?.(command, "/tmp/x")).toBe(expected);
});
