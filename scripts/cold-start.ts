/** `npm run cold-start`: seconds from the start of the diffusion service to up, ready, first picture and second picture. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import { findEngine } from "./container/find-engine.js";
import { processEngine } from "./container/process-engine.js";
import { startContainer } from "./container/service-container.js";

const HELP = `Starts the diffusion service anew several times and reports the medians.

  --image NAME     a built image (default: the service as a process of this machine)
  --engine NAME    docker or buildah
  --models FOLDER  root of the models (default: the embedded ones)
  --model ID       default: the first that is served
  --size N         width and height of the picture (default 128)
  --steps N        default 20
  --runs N         default 5
  --cold           empties the kernel's page cache before each start, as after a pull (root only)
  --json FILE      writes every run`;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TIMEOUT_MS = 600_000;
const DROP_CACHES = "/proc/sys/vm/drop_caches";

const { values } = parseArgs({
  options: {
    image: { type: "string" },
    engine: { type: "string" },
    models: { type: "string" },
    model: { type: "string" },
    size: { type: "string", default: "128" },
    steps: { type: "string", default: "20" },
    runs: { type: "string", default: "5" },
    cold: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});

/** Milliseconds since the start, but for the pictures: those since their request. */
interface Start {
  up: number;
  ready: number;
  firstPicture: number;
  /** Milliseconds of the start until the models were loaded. */
  load: number;
  secondPicture: number;
  /** Milliseconds from the start to the end of the first picture. */
  startToPicture: number;
}

const MEANINGS: Record<keyof Start, string> = {
  up: "start to /healthz",
  ready: "start to /readyz",
  firstPicture: "first picture, from its request",
  load: "  of it, loading the model",
  secondPicture: "second picture, from its request",
  startToPicture: "start to first picture",
};

if (values.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
  const starts: Start[] = [];
  for (let run = 0; run < Number(values.runs); run++) {
    if (values.cold) writeFileSync(DROP_CACHES, "3");
    starts.push(await measureStart());
  }
  const what = values.image ?? "process";
  console.log(`${what}, ${values.models ?? "embedded models"}, ${values.size} x ${values.size}, ${values.steps} steps`);
  for (const [name, meaning] of Object.entries(MEANINGS)) {
    const sorted = starts.map((start) => start[name as keyof Start]).sort((a, b) => a - b);
    const [least, middle, most] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map(seconds);
    console.log(`  ${meaning.padEnd(44)} ${middle} s   (${least} to ${most} in ${sorted.length} runs)`);
  }
  if (values.json) {
    mkdirSync(dirname(values.json), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify({ what, ...values, starts }, null, 2)}\n`);
  }
}

async function measureStart(): Promise<Start> {
  const { image, models } = values;
  const engine = image ? findEngine(values.engine) : processEngine(join(ROOT, "services/diffusion/dist/main.js"));
  const inside = image ? "/weights" : models;
  const start = performance.now();
  const service = await startContainer(engine, image ?? "diffusion", {
    env: { LOG_LEVEL: "warn", ...(inside && models ? { MODELS_DIR: inside } : {}) },
    mounts: image && models ? { [models]: "/weights" } : {},
  });
  try {
    const up = await service.until("/healthz", TIMEOUT_MS);
    const ready = await service.until("/readyz", TIMEOUT_MS);
    const first = await timedPicture(service.url);
    const startToPicture = performance.now() - start;
    const second = await timedPicture(service.url);
    return { up, ready, firstPicture: first.ms, load: first.loadMs, secondPicture: second.ms, startToPicture };
  } finally {
    await service.stop();
  }
}

async function timedPicture(url: string): Promise<{ ms: number; loadMs: number }> {
  const start = performance.now();
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      prompt: "a red sphere on a checkered floor under a blue sky",
      seed: 7,
      model: values.model,
      width: Number(values.size),
      height: Number(values.size),
      num_inference_steps: Number(values.steps),
    }),
  });
  if (!response.ok) throw new Error(`POST /generate: ${response.status} ${await response.text()}`);
  const { timings } = (await response.json()) as GenerateResponse;
  return { ms: performance.now() - start, loadMs: timings.load_ms };
}

function seconds(ms: number | undefined): string {
  return ((ms ?? Number.NaN) / 1000).toFixed(2);
}
