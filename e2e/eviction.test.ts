/** Six ControlNets, room for two: every answer is right, and memory stays bounded. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlNetsResponse, ModelsResponse } from "@armature/contract";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { afterAll, beforeAll, expect, test } from "vitest";
import { enginePid, residentBytes } from "../scripts/service-engine.js";
import { type ServiceProcess, startService } from "../scripts/services.js";
import { EMBEDDED_MODELS } from "../testing/model-folders.js";

const TYPES = ["depth-a", "depth-b", "depth-c", "canny-a", "canny-b", "canny-c"];
const picture = (type: string) =>
  readFileSync(join(EMBEDDED_MODELS, "examples", `green-cone-${type.split("-")[0]}.png`)).toString("base64");

/**
 * tiny-sd takes 33.2 MB in float32 and each ControlNet 8.5 MB: two fit beside it, three do not. Its steps need 17.8 MB of it: three
 * fit beside those, four do not.
 */
const BUDGET_GB = "0.0515";

let folder: string;
let service: ServiceProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "armature-eviction-"));
  symlinkSync(join(EMBEDDED_MODELS, "tiny-sd"), join(folder, "tiny-sd"));
  for (const type of TYPES) {
    cpSync(join(EMBEDDED_MODELS, `controlnet-${type.split("-")[0]}`), join(folder, `controlnet-${type}`), {
      recursive: true,
    });
  }
  const CONTROLNETS = TYPES.map((type) => `${type}=controlnet-${type}`).join(",");
  const queue = { QUEUE_LIMIT: "60", QUEUE_LIMIT_PER_CLIENT: "60" };
  const env = { MODELS_DIR: folder, CONTROLNETS, MEMORY_BUDGET_GB: BUDGET_GB, ...queue };
  service = await startService("diffusion", { ...env, PORT: "0", LOG_LEVEL: "silent" });
});
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

async function generate(types: string[], seed: number) {
  const answer = await fetch(`${service.url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      prompt: "an orange cone on a wooden floor",
      seed,
      num_inference_steps: 1,
      width: 64,
      height: 64,
      controlnets: types.map((type) => ({ type, image: picture(type), preprocessor: "none" })),
    }),
  });
  return { status: answer.status, body: (await answer.json()) as GenerateResponse & { code: string; detail: string } };
}

test("50 mixed requests under a budget for two nets are each answered as they are alone", async () => {
  const requests = Array.from({ length: 50 }, (_, i) => {
    const first = TYPES[(i * 5) % TYPES.length]!;
    const second = TYPES[(i * 3 + 1) % TYPES.length]!;
    return { types: i % 3 === 0 && first !== second ? [first, second] : [first], seed: i % 2 };
  });
  const alone = new Map<string, string>();
  const key = ({ types, seed }: (typeof requests)[number]) => `${types.map((type) => type.split("-")[0])} ${seed}`;
  for (const request of requests) {
    if (alone.has(key(request))) continue;
    const { body } = await generate(request.types, request.seed);
    alone.set(key(request), body.images[0]!.image);
  }
  const before = residentBytes(enginePid(service)!);
  let watching = true;
  let mostLoaded = 0;
  const watch = (async () => {
    while (watching) {
      const { controlnets } = (await (await fetch(`${service.url}/controlnets`)).json()) as ControlNetsResponse;
      mostLoaded = Math.max(mostLoaded, controlnets.filter(({ loaded }) => loaded).length);
    }
  })();
  const answers = await Promise.all(requests.map(({ types, seed }) => generate(types, seed)));
  watching = false;
  await watch;
  for (const [i, { status, body }] of answers.entries()) {
    expect(status).toBe(200);
    expect(body.images[0]!.image, JSON.stringify(requests[i])).toBe(alone.get(key(requests[i]!)));
  }
  expect(mostLoaded).toBe(2);
  expect(residentBytes(enginePid(service)!)).toBeLessThan(before * 1.25);
}, 240_000);

test("networks of stages that are done leave room for those of a large one", async () => {
  const [one, other] = [await generate(TYPES.slice(0, 3), 1), await generate(TYPES.slice(0, 3), 1)];
  expect([one.status, other.status]).toEqual([200, 200]);
  expect(other.body.images).toEqual(one.body.images);
  const { models } = (await (await fetch(`${service.url}/models`)).json()) as ModelsResponse;
  expect(models).toMatchObject([{ id: "tiny-sd", loaded: false }]); // its text encoder left
});

test("a request with a stage whose networks cannot fit is refused with the sums, before anything of it is loaded", async () => {
  await generate(TYPES.slice(4), 1);
  const loaded = async () => (await (await fetch(`${service.url}/controlnets`)).json()) as ControlNetsResponse;
  const before = await loaded();
  const { status, body } = await generate(TYPES.slice(0, 4), 1);
  expect(status).toBe(422);
  expect(body.code).toBe("out-of-memory");
  expect(body.detail).toMatch(
    /tiny-sd 0\.02 GB \+ controlnet-depth-a 0\.01 GB .* = 0\.05 GB; the memory budget is 0\.05 GB/,
  );
  expect(await loaded()).toEqual(before);
});

test("an operator loads and releases a net", async () => {
  const change = async (action: string) => {
    const answer = await fetch(`${service.url}/controlnets/canny-c/${action}`, { method: "POST" });
    const { controlnets } = (await answer.json()) as ControlNetsResponse;
    return controlnets.find(({ type }) => type === "canny-c")!;
  };
  expect(await change("load")).toMatchObject({ loaded: true, bytes: 8_548_000, load_ms: expect.any(Number) });
  expect(await change("unload")).toMatchObject({ loaded: false });
});
