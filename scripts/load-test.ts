/** `npm run load-test -- smoke`: starts both services on the embedded models, lets k6 load them, writes what came of it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, platform } from "node:os";
import { basename, join } from "node:path";
import { calibrate } from "./load-test/calibrate.js";
import type { Disturbance } from "./load-test/disturbance.js";
import { disturbanceOf } from "./load-test/disturbances.js";
import { startDisturber } from "./load-test/disturber.js";
import { findK6, K6_VERSION } from "./load-test/find-k6.js";
import { judgeMemory, type MemoryVerdict } from "./load-test/memory-verdict.js";
import { htmlReport, type K6Summary, type LoadTestResult } from "./load-test/report.js";
import { CLAIM_BROKEN, runK6 } from "./load-test/run-k6.js";
import { type Samples, sampleServices } from "./load-test/sample-services.js";
import { runProgram } from "./program.js";
import { type Stack, startStack } from "./services.js";

const SCENARIOS_DIR = new URL("../../load-tests/", import.meta.url);

const SCENARIOS = readdirSync(SCENARIOS_DIR)
  .filter((file) => file.endsWith(".js"))
  .map((file) => basename(file, ".js"));

/** What the services may hold waiting; the scenarios' bounds follow from it. */
const QUEUE = { QUEUE_LIMIT: "16", QUEUE_LIMIT_PER_CLIENT: "8" };

/** Sources of k6's clients, so that they are several to the services. Only Linux has all of 127.0.0.0/8 on its loopback. */
const CLIENT_ADDRESSES: Record<string, string> = platform() === "linux" ? { K6_LOCAL_IPS: "127.0.0.1-127.0.0.8" } : {};

const SAMPLE_EVERY_MS = 1_000;

const HELP = `Loads both services, on the embedded models and on this machine only, and checks what each scenario claims.

  npm run load-test -- SCENARIO [--scale N]

  SCENARIO       ${SCENARIOS.join(", ")}; load-tests/SCENARIO.js begins with its claim
  --scale N      multiplies the durations: 0.2 for a quick look, 6 for a longer soak (default 1)
  --contention N how much longer a picture may take under load than alone, since k6 shares the cores (default 3)
  --out FOLDER   where SCENARIO.html and SCENARIO.json go (default out/load-tests)
  --help

Needs k6: $K6, on PATH, or installed with: go install go.k6.io/k6@v${K6_VERSION}
Exits with k6's code: 0 if every claim holds, ${CLAIM_BROKEN} if not, if the services' memory grew,
or if more requests waited than may.`;

const OPTIONS = {
  scale: { type: "string", default: "1" },
  contention: { type: "string", default: "3" },
  out: { type: "string", default: "out/load-tests" },
  help: { type: "boolean" },
} as const;

await runProgram({
  help: HELP,
  args: { options: OPTIONS, allowPositionals: true },
  main: ({ values, positionals }) => main(values, positionals),
});

async function main(values: Settings, positionals: readonly string[]): Promise<number> {
  const [scenario] = positionals;
  if (!scenario || positionals.length > 1 || !SCENARIOS.includes(scenario)) {
    throw new Error(`Wants one scenario of ${SCENARIOS.join(", ")}; found ${positionals.join(" ") || "none"}`);
  }
  const k6 = findK6(process.env);
  mkdirSync(values.out, { recursive: true });
  const disturbance = await disturbanceOf(scenario);
  try {
    const stack = await startStack({ env: { ...QUEUE, ...disturbance.env, LOG_LEVEL: "error" } });
    try {
      const result = await loadTest({ k6, scenario, stack, disturbance, settings: values });
      write(result, values.out);
      return result.exitCode;
    } finally {
      await stack.stop();
    }
  } finally {
    disturbance.stop();
  }
}

interface Settings {
  scale: string;
  contention: string;
  out: string;
}

interface LoadTest {
  k6: string;
  scenario: string;
  stack: Stack;
  disturbance: Disturbance;
  settings: Settings;
}

async function loadTest({ k6, scenario, stack, disturbance, settings }: LoadTest): Promise<LoadTestResult> {
  const { scale, contention, out } = settings;
  const busy = loadavg()[0]!.toFixed(1);
  const pictureS = await calibrate(stack.diffusion.url, new URL("lib/usual-picture.json", SCENARIOS_DIR));
  console.log(
    `${scenario}: the usual picture takes ${pictureS.toFixed(2)} s alone; load average before the test ${busy}`,
  );
  const used = { SCALE: scale, CONTENTION: contention, PICTURE_S: pictureS.toFixed(3), ...QUEUE, ...disturbance.env };
  const summary = join(out, `${scenario}.k6.json`);
  const date = new Date().toISOString();
  const disturber = await startDisturber(await disturbance.begin(stack));
  const env = {
    ...used,
    ...CLIENT_ADDRESSES,
    DIFFUSION_URL: stack.diffusion.url,
    PREPROCESSOR_URL: stack.preprocessor.url,
    DISTURBER_URL: disturber.url,
    SUMMARY: summary,
  };
  const script = new URL(`${scenario}.js`, SCENARIOS_DIR);
  const load = () => runK6({ k6, script, log: join(out, `${scenario}.log`), env });
  const { code, samples } = await sampled(stack, load).finally(() => disturber.stop());
  const found = JSON.parse(readFileSync(summary, "utf8")) as K6Summary;
  const claims = disturbance.claims(found);
  const memory = judgeAll(samples);
  const waitingMost = Math.max(0, ...Object.values(samples).flatMap((series) => series.map(({ waiting }) => waiting)));
  const grew = disturbance.flatMemory && Object.values(memory).some(({ flat }) => flat === false);
  const broken = grew || waitingMost > mayWait(disturbance) || claims.some(({ ok }) => !ok);
  return {
    scenario,
    date,
    machine: `${cpus().length} CPUs, ${cpus()[0]?.model.trim()}, load average before the test ${busy}`,
    settings: used,
    exitCode: code === 0 && broken ? CLAIM_BROKEN : code,
    k6: found,
    claims,
    memory,
    waitingMost,
    mayWait: mayWait(disturbance),
    samples,
  };
}

async function sampled({ preprocessor, diffusion }: Stack, load: () => Promise<number>) {
  const watched = Object.entries({ preprocessor, diffusion }).map(([name, service]) => ({
    name,
    url: service.url,
    pid: service.process.pid!,
  }));
  const sampling = sampleServices(watched, SAMPLE_EVERY_MS);
  let samples: Samples = {};
  let code: number;
  try {
    code = await load();
  } finally {
    samples = await sampling.stop();
  }
  return { code, samples };
}

/** Jobs of one service that may wait at once. */
function mayWait({ slowPictures }: Disturbance): number {
  return Number(QUEUE.QUEUE_LIMIT) * (slowPictures ? 2 : 1);
}

function judgeAll(samples: Samples): Record<string, MemoryVerdict> {
  return Object.fromEntries(Object.entries(samples).map(([name, series]) => [name, judgeMemory(series)]));
}

function write(result: LoadTestResult, out: string): void {
  const file = (extension: string) => join(out, `${result.scenario}.${extension}`);
  writeFileSync(file("json"), JSON.stringify(result, null, 1));
  writeFileSync(file("html"), htmlReport(result));
  for (const { ok, metric, claim, found } of result.claims) {
    console.log(`  ${ok ? "ok" : "NO"}  ${metric} ${claim}: ${found.toFixed(2)}`);
  }
  for (const [name, { warm, end, peak, flat }] of Object.entries(result.memory)) {
    const megabytes = [warm, end, peak].map((bytes) => Math.round(bytes / 1e6));
    const verdict = flat === undefined ? "too short to tell" : flat ? "flat" : "GREW";
    console.log(
      `  ${name}: memory ${megabytes[0]} MB warm, ${megabytes[1]} at the end, peak ${megabytes[2]}: ${verdict}`,
    );
  }
  console.log(`  at most ${result.waitingMost} jobs waited, of ${result.mayWait} that may`);
  console.log(`  ${file("html")}, ${file("json")}, ${file("log")}`);
}
