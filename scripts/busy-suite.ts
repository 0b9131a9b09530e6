/** `npm run busy-suite`: runs the test suite several times while something else keeps all cores busy. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { keepBusy } from "./busy-suite/busy-cores.js";
import { type RunResult, readReport, runLines, verdict } from "./busy-suite/run-report.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

const HELP = `npm run busy-suite -- [options]

Runs the test suite several times in a row while one spinning process per core competes with it: a test that depends on
how fast the machine is fails here. Prints a line per run with the names of the tests that failed, and a verdict.

  --runs N         how often (default 5)
  --files PATTERN  only test files whose path contains PATTERN; may be given several times
  --help

Exit code 0: every run passed; 1: a test failed, or a run ended without a report; 2: a wrong argument.`;

process.exitCode = await main();

async function main(): Promise<number> {
  let runs: number;
  let files: string[];
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: "string", default: "5" },
        files: { type: "string", multiple: true, default: [] },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(HELP);
      return 0;
    }
    runs = wholeNumber("--runs", values.runs);
    files = values.files;
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const cores = availableParallelism();
  const busy = await keepBusy(cores);
  try {
    const results: RunResult[] = [];
    while (results.length < runs) {
      results.push(await runSuite(files, stop.signal));
      console.log(runLines(results.at(-1)!, results.length, runs));
    }
    const { passed, text } = verdict(results, cores);
    console.log(text);
    return passed ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.error("stopped before the last run had ended");
    return 1;
  } finally {
    await busy.stop();
  }
}

/** Shows what the run printed only where nothing else tells why it failed. */
async function runSuite(files: readonly string[], stopped: AbortSignal): Promise<RunResult> {
  const folder = await mkdtemp(join(tmpdir(), "busy-suite-"));
  try {
    const report = join(folder, "report.json");
    const start = performance.now();
    const { exitCode, output } = await vitest(["run", "--reporter=json", `--outputFile=${report}`, ...files], stopped);
    const seconds = (performance.now() - start) / 1000;
    const text = await readFile(report, "utf8").catch(() => undefined);
    const result = text ? readReport(text, ROOT, seconds) : { passed: 0, skipped: 0, failed: [], seconds };
    if (exitCode === 0 || result.failed.length > 0) return result;
    console.log(output.split("\n").slice(-40).join("\n"));
    return { ...result, failed: [`vitest itself: it ended with ${exitCode}, and no test of its report failed`] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function vitest(args: readonly string[], signal: AbortSignal): Promise<{ exitCode: number | string; output: string }> {
  const suite = spawn(process.execPath, [VITEST, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], signal });
  const chunks: Buffer[] = [];
  for (const stream of [suite.stdout, suite.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    suite.once("error", reject);
    suite.once("close", (code, signal) =>
      resolve({ exitCode: code ?? signal ?? "nothing", output: Buffer.concat(chunks).toString() }),
    );
  });
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${option}: wants a whole number above 0, found ${text}`);
}
