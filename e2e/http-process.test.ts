/** What the diffusion service's HTTP process leaves to its engine. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

const SERVICE = new URL("../services/diffusion/dist/service.js", import.meta.url);

test("the HTTP process weighs and hands on recipes without loading the runtime that computes them", () => {
  const script = `await import(${JSON.stringify(SERVICE.href)});
    console.log(JSON.stringify(process.report.getReport().sharedObjects))`;
  const loaded: string[] = JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }),
  );
  expect(loaded.some((file) => file.includes("sharp"))).toBe(true);
  expect(loaded.filter((file) => file.includes("onnxruntime"))).toEqual([]);
});
