/** `npm run device-soak`: many generations on a device, and whether its memory stays flat and no tensor is left in it. */

import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { megabytes } from "@armature/core";
import { judgeSoak, type SoakSample, soakReport } from "./device-soak/report.js";
import { soakRequest } from "./device-soak/requests.js";
import { treeBytes } from "./load-test/sample-services.js";
import { type ServiceProcess, startService } from "./services.js";

const run = promisify(execFile);

const HELP = `npm run device-soak -- [options]

Starts the diffusion service on a device and asks it for one picture after another: text alone, depth, depth and canny, in two sizes,
with a new seed each. Watches the memory of its processes and the tensors that jobs leave on the device.

  --generations N  pictures (default 200)
  --minutes N      minutes after which no new picture begins (default 20)
  --device D       webgpu, cuda or cpu (default webgpu)
  --help

Other variables reach the service; its checks of the device are remembered in CACHE_DIR. Exit code 0: flat, nothing left; 1: memory
grew, a tensor was left, or an answer was no picture; 2: a wrong argument, or no such device.`;

process.exitCode = await main();

async function main(): Promise<number> {
  let limits: Limits;
  let service: ServiceProcess;
  try {
    const args = readArguments();
    if (args.help) {
      console.log(HELP);
      return 0;
    }
    limits = { generations: positive("--generations", args.generations), minutes: positive("--minutes", args.minutes) };
    console.log(`Starting the diffusion service; a device that is new to it is checked, for a minute on software ...`);
    service = await startService("diffusion", { DEVICE: args.device, PORT: "0", LOG_LEVEL: "error" });
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  try {
    const samples = await soak(service, limits);
    const verdict = judgeSoak(samples);
    console.log(soakReport(samples, verdict));
    return verdict.failures.length === 0 ? 0 : 1;
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    await service.stop();
  }
}

function readArguments() {
  return parseArgs({
    options: {
      generations: { type: "string", default: "200" },
      minutes: { type: "string", default: "20" },
      device: { type: "string", default: "webgpu" },
      help: { type: "boolean" },
    },
  }).values;
}

interface Limits {
  generations: number;
  minutes: number;
}

async function soak(service: ServiceProcess, { generations, minutes }: Limits): Promise<SoakSample[]> {
  const samples: SoakSample[] = [];
  const start = performance.now();
  const elapsedS = () => (performance.now() - start) / 1000;
  while (samples.length < generations && elapsedS() < 60 * minutes) {
    const before = elapsedS();
    await generate(service.url, soakRequest(samples.length));
    const seconds = elapsedS() - before;
    samples.push({ ...(await measure(service)), seconds });
    if (samples.length % 10 === 0) console.log(progress(samples, { generations, elapsedS: elapsedS() }));
  }
  return samples;
}

function progress(samples: SoakSample[], { generations, elapsedS }: { generations: number; elapsedS: number }): string {
  const { memoryBytes, deviceTensors } = samples.at(-1)!;
  const at = `${samples.length}/${generations}`.padStart(9);
  return `${at}  ${elapsedS.toFixed(0)} s  ${megabytes(memoryBytes)}  ${deviceTensors} tensors left`;
}

async function generate(url: string, request: object): Promise<void> {
  const answer = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "image/png" },
    body: JSON.stringify(request),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`The service answered ${answer.status}: ${body.toString()}`);
}

async function measure({ url, process: { pid } }: ServiceProcess): Promise<Omit<SoakSample, "seconds">> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,rss="]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const [, left] = /^device_tensors (\d+)$/m.exec(metrics) ?? [];
  if (left === undefined) throw new Error(`${url}/metrics has no device_tensors`);
  return { memoryBytes: treeBytes(stdout, pid!), deviceTensors: Number(left) };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new Error(`${option}: wants a number above 0, found ${text}`);
}
