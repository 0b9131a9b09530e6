/** Engines that die or stop at any moment: what becomes of the request that they worked on, and of the next one. */
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "@armature/fetch/testing/faults";
import { enginePid } from "../service-engine.js";
import { type ServiceProcess, startService } from "../services.js";
import type { FaultRow } from "./fault-row.js";

/** A stopped engine is noticed after 20 s of silence, so it is tried once in this many cases. */
const CASES_PER_FREEZE = 20;

/** A service whose engine is gone serves again within this time. */
const RECOVERY_MS = 90_000;

/** What a request may be answered with, if not with its picture. */
const DECLARED = ["engine-crashed", "engine-unavailable"];

const REQUEST = { prompt: "an orange cone on a wooden floor", num_inference_steps: 10, seed: 5, width: 64, height: 64 };

/** A moment of the engine, and the signal that it gets then. */
interface Kind {
  kind: string;
  signal: "SIGKILL" | "SIGSTOP";
  moment: "generating" | "loading" | "idle";
}

const KILLS: readonly Kind[] = [
  { kind: "engine: killed amid a picture", signal: "SIGKILL", moment: "generating" },
  { kind: "engine: killed while it loads", signal: "SIGKILL", moment: "loading" },
  { kind: "engine: killed while it waits for work", signal: "SIGKILL", moment: "idle" },
];

const FREEZES: readonly Kind[] = [
  { kind: "engine: stopped amid a picture", signal: "SIGSTOP", moment: "generating" },
  { kind: "engine: stopped while it waits for work", signal: "SIGSTOP", moment: "idle" },
];

/**
 * Ends or stops the engine of one service about `cases` times, at moments from the seed. One held if the request got its picture or a
 * declared answer, and the next one its picture.
 */
export async function engineFaults(cases: number, seed: number): Promise<FaultRow[]> {
  const random = seededRandom(seed);
  const service = await startService("diffusion", { PORT: "0", LOG_LEVEL: "silent" });
  try {
    const alone = await measured(service);
    const freezes = Math.floor(cases / CASES_PER_FREEZE);
    const plan = [
      ...KILLS.map((kind, i) => [kind, Math.ceil((cases - i) / KILLS.length)] as const),
      ...FREEZES.map((kind, i) => [kind, Math.ceil((freezes - i) / FREEZES.length)] as const),
    ];
    const rows: FaultRow[] = [];
    for (const [kind, times] of plan) if (times > 0) rows.push(await tried(kind, times, { service, alone, random }));
    return rows;
  } finally {
    await service.stop();
  }
}

interface Alone {
  picture: string;
  /** What the picture takes with networks that are loaded, and what loading them adds. */
  generatingMs: number;
  loadingMs: number;
}

interface Bench {
  service: ServiceProcess;
  alone: Alone;
  random: () => number;
}

async function measured(service: ServiceProcess): Promise<Alone> {
  const [, firstMs] = await timed(() => generate(service));
  const [answer, generatingMs] = await timed(() => generate(service));
  if (!answer.picture) throw new Error(`no picture to compare with: ${answer.code}`);
  return { picture: answer.picture, generatingMs, loadingMs: Math.max(1, firstMs - generatingMs) };
}

async function tried({ kind, signal, moment }: Kind, times: number, bench: Bench): Promise<FaultRow> {
  const row: FaultRow = { kind, tried: 0, held: 0 };
  for (let i = 0; i < times; i++) {
    const broken = await wrongAfter(signal, moment, bench);
    row.tried++;
    if (broken === undefined) row.held++;
    else row.worst ??= `case ${i + 1}: ${broken}`;
  }
  return row;
}

/** What did not hold; undefined where all did. */
async function wrongAfter(signal: Kind["signal"], moment: Kind["moment"], bench: Bench): Promise<string | undefined> {
  const { service, alone, random } = bench;
  if (moment === "loading") await freshEngine(service);
  const request = moment === "idle" ? undefined : generate(service);
  if (moment !== "idle") await delay(random() * (moment === "loading" ? alone.loadingMs : alone.generatingMs));
  hit(service, signal);
  const answer = await request;
  if (answer?.picture !== undefined && answer.picture !== alone.picture) return "another picture than alone";
  if (answer?.code !== undefined && !DECLARED.includes(answer.code)) return `answered ${answer.code}`;
  return wrongNext(bench);
}

/** Asks until the picture comes, as a client does that is told to come again. */
async function wrongNext({ service, alone }: Bench): Promise<string | undefined> {
  const start = performance.now();
  let last: Answer;
  do {
    last = await generate(service);
    if (last.picture) return last.picture === alone.picture ? undefined : "the next one is another picture";
    await delay(200);
  } while (performance.now() - start < RECOVERY_MS);
  return `no picture ${RECOVERY_MS / 1000} s later: ${last.code}`;
}

/** An engine that has loaded nothing yet. */
async function freshEngine(service: ServiceProcess): Promise<void> {
  const before = enginePid(service);
  hit(service, "SIGKILL");
  const start = performance.now();
  while (performance.now() - start < RECOVERY_MS) {
    const { ok } = await fetch(`${service.url}/readyz`);
    const pid = enginePid(service);
    if (ok && pid !== undefined && pid !== before) return;
    await delay(20);
  }
  throw new Error("the service does not start its engine again");
}

/** None to hit: it is being started. */
function hit(service: ServiceProcess, signal: Kind["signal"]): void {
  const pid = enginePid(service);
  if (pid !== undefined) process.kill(pid, signal);
}

/** A picture in base64, or the code of the problem. */
interface Answer {
  picture?: string;
  code?: string;
}

async function generate({ url }: ServiceProcess): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/generate`, { method: "POST", headers, body: JSON.stringify(REQUEST) });
  const { images, code } = (await answer.json()) as { images?: { image: string }[]; code?: string };
  return images ? { picture: images[0]!.image } : { code: code ?? `status ${answer.status}` };
}

async function timed<Result>(work: () => Promise<Result>): Promise<[result: Result, ms: number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}
