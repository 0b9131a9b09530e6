import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findPythonTool } from "./find-python-tool.js";

test("$PYTHON_TOOLS goes before PATH; a program that is not there is told with the way to install it", () => {
  const [tools, path] = [0, 1].map(() => {
    const folder = mkdtempSync(join(tmpdir(), "armature-python-"));
    writeFileSync(join(folder, "schemathesis"), "");
    chmodSync(join(folder, "schemathesis"), 0o755);
    return folder;
  });
  const env = { PYTHON_TOOLS: tools, PATH: `/nowhere:${path}` };
  expect(findPythonTool("schemathesis", env)).toBe(join(tools!, "schemathesis"));
  expect(findPythonTool("schemathesis", { PATH: env.PATH })).toBe(join(path!, "schemathesis"));
  expect(() => findPythonTool("schemathesis", { PATH: "/nowhere" })).toThrow("pip install schemathesis");
});
