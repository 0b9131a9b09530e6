/** npm run bench: load time, time of each part and memory, for the embedded model and for Stable Diffusion 1.5 at full size. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { usableCpus } from "@armature/shared/engine/cpu-quota";
import { type BenchModel, type Case, listCases } from "./cases.js";
import type { Form, Measured, Measurement } from "./measure.js";
import { measurePeers } from "./peers.js";
import { chart, type Row, table, toRow } from "./report.js";
import { writeSd15 } from "./sd15.js";

const HELP = `npm run bench -- [options]

Measures load time, seconds of each part and memory, each case in a process of its own: a step of the UNet with guidance
(with and without one ControlNet), the VAE's decoder and the text encoder; for the embedded model, and for Stable Diffusion
1.5 at full size (512x512) with synthetic weights, which are written first (3 GB). Forms: weights in place, prepared weights, the
same in 8 bits, and a plain graph as a converter writes it (NCHW, unfused attention). Use it on an idle machine.

  --models LIST     embedded, full (default both)
  --forms LIST      of the full-size model: prepared, in place, int8, plain (default all)
  --only LIST       step, step+controlnet, vae decode, text encoder (default all)
  --repeats N       timed runs a round, after one to warm up (default 2)
  --rounds N        rounds over all cases, so that a disturbance hits all alike (default 1)
  --threads N       default: the CPUs that may be used
  --work FOLDER     for synthetic weights and prepared forms (12 GB; default armature-bench in the system's temporary folder)
  --out FOLDER      for bench.json and bench.svg (default: the work folder)
  --peers PYTHON    also runs --peers-script with this Python: it gets --model, --controlnet, --threads and --repeats, and
                    prints as its last line a JSON list of {part, form, loadS, timesS, peakBytes}
  --peers-script F
  --help`;

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: "embedded,full" },
    forms: { type: "string", default: "prepared,in place,int8,plain" },
    only: { type: "string" },
    repeats: { type: "string", default: "2" },
    rounds: { type: "string", default: "1" },
    threads: { type: "string", default: String(usableCpus()) },
    work: { type: "string", default: join(tmpdir(), "armature-bench") },
    out: { type: "string" },
    peers: { type: "string" },
    "peers-script": { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const EMBEDDED = fileURLToPath(new URL("../../../models", import.meta.url));
const FULL = "SD 1.5";

async function main(): Promise<void> {
  const work = resolve(options.work);
  const out = resolve(options.out ?? work);
  mkdirSync(out, { recursive: true });
  const [threads, repeats] = [Number(options.threads), Number(options.repeats)];
  const models = await chosenModels(work);
  const only = options.only?.split(",");
  const cases = listCases(models, { cache: join(work, "prepared"), threads, repeats }).filter(
    ({ measurement }) => !only || only.includes(measurement.part),
  );
  makePreparedForms(cases);

  const rounds = Array.from({ length: Number(options.rounds) }, () => cases.map(run));
  const rows: Row[] = cases.map(({ model, measurement }, i) =>
    toRow(
      model,
      measurement,
      rounds.map((round) => round[i]!),
    ),
  );
  const full = models.find(({ name }) => name === FULL);
  if (options.peers && options["peers-script"] && full) {
    const peer = { python: options.peers, script: options["peers-script"], threads, repeats };
    rows.push(...measurePeers({ ...peer, model: full.model, controlnet: full.controlnet }, full.name));
  }

  const machine = `${cpus()[0]?.model}, ${threads} threads, Node ${process.version}`;
  console.log(`\n${machine}\n\n${table(rows)}`);
  writeFileSync(join(out, "bench.json"), `${JSON.stringify({ date: new Date(), machine, rows }, null, 2)}\n`);
  const shown = rows.filter(({ model }) => model === (full?.name ?? models[0]!.name));
  writeFileSync(join(out, "bench.svg"), chart(shown, `${shown[0]?.model}, seconds on ${machine}`));
  console.log(`\n${join(out, "bench.json")}\n${join(out, "bench.svg")}`);
}

async function chosenModels(work: string): Promise<BenchModel[]> {
  const names = options.models.split(",");
  const embedded = { model: join(EMBEDDED, "tiny-sd"), controlnet: join(EMBEDDED, "controlnet-depth") };
  const models: BenchModel[] = [];
  if (names.includes("embedded"))
    models.push({ name: "tiny-sd", ...embedded, forms: ["in place", "plain"], size: 128 });
  if (names.includes("full")) {
    progress("synthetic weights");
    const forms = options.forms.split(",") as Form[];
    models.push({ name: FULL, ...(await writeSd15(work, embedded.model)), forms, size: 512 });
  }
  return models;
}

/** So that no case counts the making as its load. */
function makePreparedForms(cases: Case[]): void {
  for (const found of cases.filter(
    ({ measurement }) => measurement.form === "prepared" || measurement.form === "int8",
  )) {
    progress(`preparing weights: ${found.measurement.part}`);
    child({ ...found.measurement, repeats: 0 });
  }
}

function run({ model, measurement }: Case): Measured {
  progress(`${model}: ${measurement.part}, ${measurement.form}`);
  return child(measurement);
}

function child(measurement: Measurement): Measured {
  const script = fileURLToPath(new URL("measure.js", import.meta.url));
  const output = execFileSync(process.execPath, [script, JSON.stringify(measurement)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output) as Measured;
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (options.help) console.log(HELP);
else await main();
