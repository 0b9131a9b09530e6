/** What .npmrc and the npm scripts want of each other. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const ROOT = new URL("../", import.meta.url);

const packagesIn = (folder: string) =>
  readdirSync(new URL(folder, ROOT))
    .map((name) => `${folder}/${name}/package.json`)
    .filter((path) => existsSync(new URL(path, ROOT)));

const PACKAGES = ["package.json", ...["shared", "services"].flatMap(packagesIn)];

/** What npm would run by itself at `npm install` and `npm ci`. */
const AT_INSTALL = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

test.each(PACKAGES)("no script of %s relies on npm to run it before or after another: .npmrc forbids that", (path) => {
  expect(read(".npmrc")).toMatch(/^ignore-scripts=true$/m);
  const { scripts = {} } = JSON.parse(read(path)) as { scripts?: Record<string, string> };
  const names = Object.keys(scripts);
  const byItself = new Set([...AT_INSTALL, ...names.flatMap((name) => [`pre${name}`, `post${name}`])]);
  expect(names.filter((name) => byItself.has(name))).toEqual([]);
});
