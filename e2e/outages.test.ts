/** What goes wrong between two real services and their clients, and what is left of it. */
import { expect, test } from "vitest";
import { enginePid } from "../scripts/service-engine.js";
import { startService } from "../scripts/services.js";
import { expectQuickHealth } from "../testing/health-times.js";
import { sharedStack } from "../testing/shared-stack.js";
import { PHOTO, PROMPT } from "../testing/sphere-and-cube.js";
import { eventually, StackClient } from "../testing/stack-client.js";

const shared = sharedStack();

test("a client that hangs up ends its work by the next step", async () => {
  const controller = new AbortController();
  const steps = 100;
  const before = await shared.client.stepsDone();
  const cancelled = shared.client.post({ prompt: PROMPT, num_inference_steps: steps }, { signal: controller.signal });
  await eventually(async () => (await shared.client.stepsDone()) > before);
  controller.abort();
  await expect(cancelled).rejects.toThrow();
  await shared.client.generate({ prompt: PROMPT, num_inference_steps: 2 }); // begins when the other has ended
  expect((await shared.client.stepsDone()) - before).toBeLessThan(0.6 * steps);
});

test("health is answered within 100 ms while pictures are made", async () => {
  const work = Promise.all(
    [1, 2, 3].map((seed) =>
      shared.client.generate({ prompt: PROMPT, seed, controlnets: [{ type: "depth", image: PHOTO }] }),
    ),
  );
  await expectQuickHealth(shared.stack.diffusion.url, work);
});

test("a killed engine costs the job in it; the service stays up", async () => {
  const before = await shared.client.stepsDone();
  const running = shared.client.post({ prompt: PROMPT, num_inference_steps: 150 });
  await eventually(async () => (await shared.client.stepsDone()) > before);
  process.kill(enginePid(shared.stack.diffusion)!, "SIGKILL");
  const answer = await running;
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ code: "engine-crashed" });
  expect((await fetch(`${shared.stack.diffusion.url}/healthz`)).status).toBe(200);
  expect((await shared.client.generate({ prompt: PROMPT, num_inference_steps: 2 })).images).toHaveLength(1);
});

test("a preprocessor that is down is named, and the service recovers when it is back", async () => {
  const preprocessor = await startService("preprocessor", { PORT: "0", LOG_LEVEL: "error" });
  const port = new URL(preprocessor.url).port;
  const diffusion = await startService("diffusion", {
    PORT: "0",
    LOG_LEVEL: "silent",
    PREPROCESSOR_URLS: preprocessor.url,
  });
  const dependent = new StackClient(diffusion.url);
  try {
    await preprocessor.stop();
    const request = { prompt: PROMPT, num_inference_steps: 2, controlnets: [{ type: "canny", image: PHOTO }] };
    const refused = await dependent.post(request);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(await refused.json()).toMatchObject({
      code: "upstream-unavailable",
      detail: expect.stringContaining("preprocessor"),
    });
    const back = await startService("preprocessor", { PORT: port, LOG_LEVEL: "error" });
    expect((await dependent.post(request)).status).toBe(200);
    await back.stop();
  } finally {
    await diffusion.stop();
    await preprocessor.stop();
  }
});

test("SIGTERM lets the running request end, sends the waiting ones elsewhere, and the service exits with 0", async () => {
  const diffusion = await startService("diffusion", { PORT: "0", LOG_LEVEL: "silent" });
  const draining = new StackClient(diffusion.url);
  // read at once: undici 7 ends the process where a connection closes over an answer that nobody reads (its issue 5360)
  const running = draining
    .post({ prompt: PROMPT, num_inference_steps: 150 })
    .then(async (answer) => (await answer.arrayBuffer()) && answer.status);
  await eventually(async () => /^jobs_running\{stage="diffusion"\} 1$/m.test(await draining.metrics()));
  const waiting = [1, 2, 3].map(() => draining.post({ prompt: PROMPT }));
  await eventually(async () => /^job_queue_depth\{stage="diffusion"\} 3$/m.test(await draining.metrics()));
  const code = diffusion.stop();
  for (const answer of await Promise.all(waiting)) {
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({ type: expect.stringMatching(/draining$/) });
  }
  expect(await running).toBe(200);
  expect(await code).toBe(0);
});
