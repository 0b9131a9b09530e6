/** `npm run bench:fetch`: fetching several gigabytes from loopback, side by side with curl from the same server. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { repeating, text } from "@armature/fetch/testing/content";
import { HubServer } from "@armature/fetch/testing/hub-server";

const REPOSITORY = "bench/model";
const FILE = "diffusion_pytorch_model.fp16.safetensors";
const COMMAND = fileURLToPath(new URL("./fetch-weights.js", import.meta.url));

const HELP = `Fetches a large file from a server on loopback with curl and with fetch-weights in turn, and reports the median of the seconds
and the most memory that was resident. Removes what it wrote. Linux only.

  --gb N      size of the file in 10^9 bytes (default 3)
  --rounds N  default 3
  --dir DIR   where the file goes (default: the system's temporary folder)
  --sync      both wait until the file is on the disk (curl by sync -d)`;

const { values } = parseArgs({
  options: {
    gb: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    dir: { type: "string", default: tmpdir() },
    sync: { type: "boolean", default: false },
    serve: { type: "boolean", default: false },
    help: { type: "boolean" },
  },
});
const bytes = Math.round(Number(values.gb) * 1e9);

if (values.help) console.log(HELP);
else await (values.serve ? serve() : compare());

/** The server has a process of its own, so that its work is not ours. */
async function serve(): Promise<void> {
  const server = await HubServer.start();
  server.publish(REPOSITORY, { "config.json": text("{}"), [FILE]: repeating(bytes) });
  process.stdout.write(`${server.endpoint}\n`);
}

async function compare(): Promise<void> {
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), "--serve", "--gb", values.gb], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const dir = await mkdtemp(join(values.dir, "bench-fetch-"));
  try {
    const endpoint = await new Promise<string>((resolve) =>
      server.stdout.once("data", (line) => resolve(String(line).trim())),
    );
    const url = `${endpoint}/${REPOSITORY}/resolve/main/${FILE}`;
    const [curls, ours]: [Run[], Run[]] = [[], []];
    for (let round = 0; round < Number(values.rounds); round++) {
      curls.push(
        await timed("sh", ["-c", `curl -sSfL -o ${dir}/curl ${url}${values.sync ? ` && sync -d ${dir}/curl` : ""}`]),
      );
      await rm(join(dir, "curl"));
      const args = [COMMAND, "--model", REPOSITORY, "--dir", join(dir, "ours"), ...(values.sync ? [] : ["--no-sync"])];
      ours.push(await timed(process.execPath, args, { HF_ENDPOINT: endpoint, HF_HOME: join(dir, "none") }));
      await rm(join(dir, "ours"), { recursive: true });
    }
    print("curl", curls);
    print("fetch-weights", ours);
    const share = median(curls.map(({ seconds }) => seconds)) / median(ours.map(({ seconds }) => seconds));
    process.stdout.write(`fetch-weights has ${(share * 100).toFixed(0)}% of curl's speed, hashing included\n`);
  } finally {
    server.kill();
    await rm(dir, { recursive: true, force: true });
  }
}

interface Run {
  seconds: number;
  /** MB */
  peak: number;
}

async function timed(command: string, args: string[], env: Record<string, string> = {}): Promise<Run> {
  const start = performance.now();
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] });
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, highWaterMark(child.pid));
  }, 20);
  const code = await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
  return { seconds: (performance.now() - start) / 1000, peak };
}

/** The most memory a process has had resident, in MB, as the kernel counts it. */
function highWaterMark(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1000;
  } catch {
    return 0;
  }
}

function print(name: string, runs: Run[]): void {
  const seconds = median(runs.map((run) => run.seconds));
  const speeds = runs.map((run) => `${(bytes / 1e6 / run.seconds).toFixed(0)}`).join(", ");
  const peak = Math.max(...runs.map((run) => run.peak));
  process.stdout.write(`${name}: ${seconds.toFixed(2)} s, ${speeds} MB/s, peak ${peak.toFixed(0)} MB\n`);
}

function median(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
