/** The command as it is run: what it prints, and its exit code. */
import { spawnSync } from "node:child_process";
import { builtFile } from "@armature/core";
import { expect, test } from "vitest";
import type { Plan } from "./plan-memory/report.js";

const COMMAND = builtFile("scripts/dist/plan-memory.js");

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    encoding: "utf8",
    env: { ...process.env, MODELS_DIR: "" },
  });
  return { status, stdout, stderr };
}

test("plans the embedded models where nothing is named, and they fit", () => {
  const { status, stdout } = run();
  expect(status).toBe(0);
  expect(stdout).toContain("tiny-sd UNet");
  expect(stdout).toContain("controlnet-canny ControlNet");
});

test("a selection that does not fit ends with 1, and the plan for machines says what goes", () => {
  const args = ["--full-size", "--controlnets", "depth,canny", "--card-gb", "6", "--json"];
  const { status, stdout } = run(...args);
  const plan = JSON.parse(stdout) as Plan;
  expect(status).toBe(1);
  expect(plan.verdict).toMatchObject({ fits: false, together: ["sd15", "depth"], evicted: ["canny"] });
  expect(plan.components.map(({ id }) => id)).toEqual(["sd15", "depth", "canny"]);
});

test("a picture that the device cannot compute ends with 1 and the tensor's size", () => {
  const { status, stderr } = run("--full-size", "--width", "1024", "--height", "1024", "--images", "2");
  expect(status).toBe(1);
  expect(stderr).toMatch(/takes 160 MiB, and this device computes with tensors up to 120 MiB/);
});

test.each([
  [["--width", "500"], "--width: wants a multiple of 8, found 500"],
  [["--images", "1.5"], "--images: wants a multiple of 1, found 1.5"],
  [["--card-gb", "much"], "--card-gb: wants a number above 0, found much"],
  [["--device", "cpu"], "--device: wants webgpu or cuda, found cpu"],
  [["--models", "none-such"], "none-such is not under MODELS_DIR"],
  [["--models", ""], "--models: wants at least one id"],
])("%s ends with 2 and says why", (args, message) => {
  const { status, stderr } = run(...args);
  expect(status).toBe(2);
  expect(stderr).toContain(message);
});

test("--help names every option", () => {
  const { status, stdout } = run("--help");
  expect(status).toBe(0);
  for (const option of ["--models", "--controlnets", "--full-size", "--images", "--card-gb", "--device", "--json"]) {
    expect(stdout).toContain(option);
  }
});
