/**
 * The engine process is killed at random points of its work on a WebGPU device: no request is left without an answer, no answer is
 * a wrong picture, and the service works on. DEVICE_KILLS (default 5) and DEVICE_KILLS_SEED make it longer and other.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ProblemMessage } from "@armature/contract";
import { TorchGenerator } from "@armature/core";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enginePid } from "../scripts/service-engine.js";
import { type ServiceProcess, startService } from "../scripts/services.js";
import { openCheckCache } from "../shared/devices/check-cache.js";
import { checkKey } from "../shared/devices/choose-device.js";
import { EMBEDDED_MODELS } from "../testing/model-folders.js";
import { DEVICE_TIMEOUT_MS, missingDevice, WEBGPU_FLOAT32 } from "../testing/webgpu-device.js";

const KILLS = Number(process.env.DEVICE_KILLS ?? 5);
const SEED = Number(process.env.DEVICE_KILLS_SEED ?? 1);
/** A restarted engine opens its sessions anew; on a software device that takes seconds. */
const ROUND_MS = 60_000;

/** The share of rounds in which the engine is killed again, perhaps under the job that it tries once more. */
const TWICE = 0.4;

/** What a request may be answered with, if not with its picture. */
const DECLARED = ["device-lost", "engine-crashed", "engine-unavailable"];

const control = (type: string) => ({
  type,
  image: readFileSync(join(EMBEDDED_MODELS, "examples", `green-cone-${type}.png`)).toString("base64"),
  preprocessor: "none",
});

const COMMON = { prompt: "an orange cone on a wooden floor", num_inference_steps: 3, seed: 5, width: 64, height: 64 };
const REQUESTS = [
  COMMON,
  { ...COMMON, seed: 6, controlnets: [control("depth")] },
  { ...COMMON, width: 96, controlnets: [control("depth"), control("canny")] },
];

const missing = await missingDevice("the engine killed while it works on a WebGPU device");

describe.skipIf(missing)("an engine on a WebGPU device", () => {
  const cacheDir = mkdtempSync(join(tmpdir(), "armature-kills-"));
  let service: ServiceProcess;
  beforeAll(async () => {
    // the checks have tests of their own: here their result is known
    const choice = { device: "webgpu", profile: WEBGPU_FLOAT32, checks: [], rejected: [] } as const;
    openCheckCache(cacheDir).set(checkKey("webgpu", process.env), { ...choice, checks: [], rejected: [] });
    const env = { DEVICE: "webgpu", CACHE_DIR: cacheDir, PORT: "0", LOG_LEVEL: "silent" };
    service = await startService("diffusion", env);
  });
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    rmSync(cacheDir, { recursive: true });
  });

  test(
    `killed ${KILLS} times, answers every request and works on`,
    async () => {
      const alone: { picture: string; ms: number }[] = [];
      for (const request of REQUESTS) alone.push(await timed(request));
      const random = new TorchGenerator(SEED);
      const draw = (below: number) => below * random.rand(1)[0]!;
      const outcomes: Record<string, number> = {};
      const killed = new Set<number>(); // a process that is killed again before it is gone dies once
      while (killed.size < KILLS) {
        const which = [draw(REQUESTS.length), draw(REQUESTS.length)].map(Math.floor);
        const answers = which.map((i) => generate(REQUESTS[i]!));
        for (let hits = draw(1) < TWICE ? 2 : 1; hits > 0; hits--) {
          await delay(draw(2 * alone[which[0]!]!.ms));
          const pid = killEngine();
          if (pid !== undefined) killed.add(pid);
        }
        for (const [at, answer] of (await Promise.all(answers)).entries()) {
          const outcome = "images" in answer ? "picture" : answer.code;
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
          if ("images" in answer) expect(answer.images[0]!.image).toBe(alone[which[at]!]!.picture);
          else expect(DECLARED).toContain(answer.code);
        }
        await ready();
        // an answered request: else losses of two rounds could add up to three in a row, and the device be given up
        const [next] = which;
        expect(await picture(REQUESTS[next!]!)).toBe(alone[next!]!.picture);
      }
      console.log(`${killed.size} kills (seed ${SEED}): ${JSON.stringify(outcomes)}`);
      expect(await restarts()).toBe(killed.size);
    },
    DEVICE_TIMEOUT_MS + KILLS * ROUND_MS,
  );

  async function generate(request: object): Promise<GenerateResponse | ProblemMessage> {
    const answer = await fetch(`${service.url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    expect(answer.headers.get("content-type")).toMatch(answer.ok ? "application/json" : "application/problem+json");
    return (await answer.json()) as GenerateResponse | ProblemMessage;
  }

  async function picture(request: object): Promise<string> {
    const answer = await generate(request);
    if (!("images" in answer)) throw new Error(`${answer.code}: ${answer.detail}`);
    return answer.images[0]!.image;
  }

  async function timed(request: object): Promise<{ picture: string; ms: number }> {
    await picture(request); // opens the sessions of its size
    const start = performance.now();
    return { picture: await picture(request), ms: performance.now() - start };
  }

  /** The process that was killed; undefined if there was none: it is being started. */
  function killEngine(): number | undefined {
    const pid = enginePid(service);
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    return pid;
  }

  async function ready(): Promise<void> {
    const deadline = performance.now() + ROUND_MS;
    for (;;) {
      const answer = await fetch(`${service.url}/readyz`);
      if (answer.ok) return;
      if (performance.now() > deadline) throw new Error(`the service is not ready again: ${await answer.text()}`);
      await delay(20);
    }
  }

  async function restarts(): Promise<number> {
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    return Number(/^engine_restarts_total (\d+)$/m.exec(metrics)![1]);
  }
});
