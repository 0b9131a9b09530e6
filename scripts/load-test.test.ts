import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtFile } from "@armature/core";
import { expect, test } from "vitest";

const PROGRAM = builtFile("scripts/dist/load-test.js");

interface Ended {
  code: number;
  output: string;
}

function loadTest(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr });
    });
  });
}

/** A program in k6's place that asks the service once, as k6 would find it, writes a summary and exits with `code`. */
function standIn(folder: string, code: number): string {
  const file = join(folder, "k6");
  const script = `#!${process.execPath}
const { writeFileSync } = require("node:fs");
fetch(process.env.DIFFUSION_URL + "/readyz").then(({ status }) => {
  const metrics = { ready: { type: "counter", values: { count: status }, thresholds: { "count==200": { ok: status === 200 } } } };
  if (${code} !== 107) writeFileSync(process.env.SUMMARY, JSON.stringify({ metrics }));
  process.exit(${code});
});`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}

const folder = () => mkdtempSync(join(tmpdir(), "armature-load-test-"));

test("a scenario's services run while k6 does; its verdict is the exit code, and the reports tell it", async () => {
  const out = folder();
  const { code, output } = await loadTest(["smoke", "--out", out, "--scale", "0.5"], { K6: standIn(out, 99) });
  expect(output).toContain("smoke: the usual picture takes");
  expect(code).toBe(99);
  const result = JSON.parse(readFileSync(join(out, "smoke.json"), "utf8"));
  expect(result).toMatchObject({ scenario: "smoke", exitCode: 99, settings: { SCALE: "0.5", QUEUE_LIMIT: "16" } });
  expect(result.k6.metrics.ready.values).toEqual({ count: 200 });
  expect(Number(result.settings.PICTURE_S)).toBeGreaterThan(0);
  expect(readFileSync(join(out, "smoke.html"), "utf8")).toContain("<td>count==200</td><td>200</td>");
});

test("a k6 that could not run is told from a claim that does not hold", async () => {
  const out = folder();
  const { code, output } = await loadTest(["steady", "--out", out], { K6: standIn(out, 107) });
  expect(code).toBe(1);
  expect(output).toContain(`k6 ended with exit code 107; ${join(out, "steady.log")} says why`);
});

test("an unknown scenario and a missing k6 are told before anything starts", async () => {
  expect(await loadTest(["spik"])).toMatchObject({
    code: 1,
    output: expect.stringContaining("steady, urgent; found spik"),
  });
  const { code, output } = await loadTest(["smoke"], { K6: "/nowhere/k6" });
  expect(code).toBe(1);
  expect(output.trim()).toBe("K6: there is no program /nowhere/k6");
});
