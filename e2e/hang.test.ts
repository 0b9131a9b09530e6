/** A service whose engine hangs: it says so, and serves again without help. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { enginePid } from "../scripts/service-engine.js";
import { type Stack, startStack } from "../scripts/services.js";

const PHOTO = readFileSync(
  fileURLToPath(new URL("../models/examples/purple-sphere-and-orange-cube.png", import.meta.url)),
);
const SILENT = "no sign of life";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ env: { LOG_LEVEL: "silent" } });
});
afterAll(() => stack.stop());

const generate = (steps: number) =>
  fetch(`${stack.diffusion.url}/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt: "a red cube", num_inference_steps: steps }),
  });
const annotate = () =>
  fetch(`${stack.preprocessor.url}/image/depth_midas`, {
    method: "POST",
    headers: { "Content-Type": "image/png" },
    body: PHOTO,
  });

/** Waits until the service is not ready for this reason, and then until it is. */
async function notReadyThenReady(url: string): Promise<void> {
  const readiness = async () => {
    const answer = await fetch(`${url}/readyz`);
    return { status: answer.status, text: await answer.text() };
  };
  await vi.waitFor(async () => expect(await readiness()).toMatchObject({ status: 503 }), { timeout: 60_000 });
  expect((await readiness()).text).toContain(SILENT);
  await vi.waitFor(async () => expect(await readiness()).toMatchObject({ status: 200 }), { timeout: 60_000 });
}

test("a picture in an engine that is stopped fails by name; readyz says why until the next one is made", async () => {
  expect((await generate(1)).status).toBe(200);
  const running = generate(150);
  await vi.waitFor(async () => {
    const metrics = await (await fetch(`${stack.diffusion.url}/metrics`)).text();
    expect(metrics).toMatch(/diffusion_step_duration_seconds_count\{[^}]*\} ([2-9]|\d\d)/);
  });
  process.kill(enginePid(stack.diffusion)!, "SIGSTOP");
  await notReadyThenReady(stack.diffusion.url);
  const answer = await running;
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ code: "engine-crashed", detail: expect.stringContaining(SILENT) });
  expect((await generate(1)).status).toBe(200);
}, 180_000);

test("an idle engine that is stopped is replaced before anybody asks", async () => {
  expect((await annotate()).status).toBe(200);
  process.kill(enginePid(stack.preprocessor)!, "SIGSTOP");
  await notReadyThenReady(stack.preprocessor.url);
  expect((await annotate()).status).toBe(200);
}, 180_000);
