import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { builtFile } from "./built-file.js";

test("a built file has its full path; one that is not there is named, with the command that makes it", () => {
  const root = mkdtempSync(join(tmpdir(), "armature-built-"));
  const path = "services/diffusion/dist/main.js";
  expect(() => builtFile(path, root)).toThrow(/^services\/diffusion\/dist\/main\.js is missing: run npm run build$/);
  mkdirSync(join(root, "services/diffusion/dist"), { recursive: true });
  writeFileSync(join(root, path), "");
  expect(builtFile(path, root)).toBe(join(root, path));
});
