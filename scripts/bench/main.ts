/** npm run bench: load time, time of each workload and memory, for the embedded models and for Stable Diffusion 1.5 at full size. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { usableCpus } from "@armature/core";
import { type BenchModel, type Case, listCases, type Measurement } from "./cases.js";
import { barChart } from "./chart.js";
import { type GrowthPoint, growthPoints, growthTable, toGrowthRow } from "./growth.js";
import { growthChart } from "./growth-chart.js";
import { measureApart } from "./measure.js";
import { embeddedModel, FULL, writeFullModel } from "./models.js";
import { NETWORK_NAMES, readComponents } from "./networks.js";
import { measurePeers, type PeerMeasured } from "./peers.js";
import { type Row, table, toRow } from "./report.js";
import type { Form } from "./timed-network.js";
import { WORKLOADS } from "./workloads.js";

const HELP = `npm run bench -- [options]

Measures load time, seconds of each workload and memory, each case in a process of its own: a step of the UNet with guidance
(with and without one ControlNet), the VAE's decoder, the text encoder and the depth networks, or any network by its name; for the
embedded models, and for Stable Diffusion 1.5 (512x512) and depth networks at full size with synthetic weights, which are written first
(5 GB). Forms: weights in place, prepared weights, the same in 8 bits, and a plain graph as a converter writes it (NCHW, unfused
attention). Use it on an idle machine.

  --models LIST     embedded, full (default both)
  --forms LIST      of the full-size models: prepared, in place, int8, plain (default all)
  --only LIST       ${WORKLOADS.join(", ")} (default all but picture);
                    or networks: ${[...NETWORK_NAMES.keys()].filter((name) => !WORKLOADS.includes(name)).join(", ")}
  --components LIST kind=folder: the component of that kind of all models, such as depth_anything=weights/depth-anything-small-hf
  --size PIXELS     side of the full-size model's pictures (default 512)
  --token-downsampling N
                    of steps: 2 to 4 (default 1: none)
  --growth          instead: how the cost grows with pixels (256 to 1024 a side), steps, pictures of a request, ControlNets and
                    threads; of the first of --forms. Full size takes about a quarter of an hour a round with --repeats 1
  --repeats N       timed runs a round, after one to warm up (default 2)
  --rounds N        rounds over all cases, so that a disturbance hits all alike (default 1)
  --threads N       default: the CPUs that may be used
  --work FOLDER     for synthetic weights and prepared forms (18 GB; default armature-bench in the system's temporary folder)
  --out FOLDER      for bench.json and bench.svg, or growth.json and growth.svg (default: the work folder)
  --peers COMMAND   another program to compare with at full size, run for each workload in each round beside ours: the shell runs
                    COMMAND with --part (the workload) --model --controlnet --depth (folders) --size (pixels) --batch --threads --repeats, and
                    its last line is a JSON list of {form, loadS, timesS, peakBytes}, empty for a workload that it cannot do
  --help`;

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: "embedded,full" },
    forms: { type: "string", default: "prepared,in place,int8,plain" },
    only: { type: "string" },
    components: { type: "string" },
    size: { type: "string", default: "512" },
    "token-downsampling": { type: "string", default: "1" },
    growth: { type: "boolean", default: false },
    repeats: { type: "string", default: "2" },
    rounds: { type: "string", default: "1" },
    threads: { type: "string", default: String(usableCpus()) },
    work: { type: "string", default: join(tmpdir(), "armature-bench") },
    out: { type: "string" },
    peers: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const MODELS = fileURLToPath(new URL("../../../models", import.meta.url));

async function main(): Promise<void> {
  const work = resolve(options.work);
  const models = await chosenModels(work);
  const caseOptions = {
    cache: join(work, "prepared"),
    threads: Number(options.threads),
    repeats: Number(options.repeats),
    tokenDownsampling: Number(options["token-downsampling"]),
  };
  const machine = `${cpus()[0]?.model}, ${caseOptions.threads} threads, Node ${process.version}`;
  if (options.growth) {
    const points = models.flatMap((model) => growthPoints(model, model.forms[0]!, caseOptions));
    reportGrowth(points, machine, work);
    return;
  }
  reportCases(listCases(models, options.only, caseOptions), machine, work);
}

function reportCases(cases: Case[], machine: string, work: string): void {
  makePreparedForms(cases);
  const rows = measureRounds(cases);
  const shown = rows.filter(({ model }) => model === rows.at(-1)?.model);
  console.log(`\n${machine}\n\n${table(rows)}`);
  save(work, "bench", { machine, rows }, barChart(shown, `${shown[0]?.model}, seconds on ${machine}`));
}

function reportGrowth(points: GrowthPoint[], machine: string, work: string): void {
  makePreparedForms(points);
  const rounds = eachRound(() =>
    points.map(({ model, axis, value, measurement }) => {
      progress(`${model}: ${axis}, ${value}`);
      return measureApart(measurement);
    }),
  );
  const rows = points.map((point, i) =>
    toGrowthRow(
      point,
      rounds.map((round) => round[i]!),
    ),
  );
  const shown = rows.filter(({ model }) => model === rows.at(-1)?.model);
  console.log(`\n${machine}\n\n${growthTable(rows)}`);
  save(
    work,
    "growth",
    { machine, rows },
    growthChart(shown, `${shown[0]?.model}, ${shown[0]?.form}, seconds on ${machine}`),
  );
}

/** A workload's peers run right after it, in the same round. */
function measureRounds(cases: Case[]): Row[] {
  const rounds = eachRound(() =>
    cases.map((found, i) => ({
      ours: run(found),
      peers: cases[i + 1]?.measurement.workload === found.measurement.workload ? [] : peersOf(found),
    })),
  );
  return cases.flatMap(({ model, measurement: { workload, form } }, i) => {
    const peers = rounds.map((round) => round[i]!.peers);
    const row = toRow(
      { model, workload, form, peer: false },
      rounds.map((round) => round[i]!.ours),
    );
    const others = (peers[0] ?? []).map((peer, k) =>
      toRow(
        { model, workload, form: peer.form, peer: true },
        peers.map((found) => found[k]!),
      ),
    );
    return [row, ...others];
  });
}

function run({ model, measurement }: Case) {
  progress(`${model}: ${measurement.workload}, ${measurement.form}`);
  return measureApart(measurement);
}

function peersOf({ model, measurement }: Case): PeerMeasured[] {
  if (!options.peers || model !== FULL) return [];
  progress(`${model}: ${measurement.workload}, peers`);
  return measurePeers(options.peers, measurement);
}

function eachRound<T>(measureAll: () => T): T[] {
  return Array.from({ length: Number(options.rounds) }, measureAll);
}

/** Makes the prepared forms before the cases, so that no case counts the making as its load. */
function makePreparedForms(cases: { measurement: Measurement }[]): void {
  const prepared = new Set<string>();
  for (const { measurement } of cases) {
    const { workload, form, controlnets } = measurement;
    const name = `${workload}, ${form}${controlnets > 0 ? ", ControlNet" : ""}`;
    if (prepared.has(name) || !(form === "prepared" || form === "int8")) continue;
    prepared.add(name);
    progress(`preparing weights: ${name}`);
    measureApart({ ...measurement, repeats: 0 });
  }
}

async function chosenModels(work: string): Promise<BenchModel[]> {
  const names = options.models.split(",");
  const further = readComponents(options.components);
  const models: BenchModel[] = [];
  if (names.includes("embedded")) models.push(embeddedModel(MODELS));
  if (names.includes("full")) {
    progress("synthetic weights");
    const [forms, size] = [options.forms.split(",") as Form[], Number(options.size)];
    models.push(await writeFullModel({ work, modelsDir: MODELS, forms, size }));
  }
  return models.map((model) => ({ ...model, components: { ...model.components, ...further } }));
}

function save(work: string, name: string, result: object, chart: string): void {
  const out = resolve(options.out ?? work);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify({ date: new Date(), ...result }, null, 2)}\n`);
  writeFileSync(join(out, `${name}.svg`), chart);
  console.log(`\n${join(out, `${name}.json`)}\n${join(out, `${name}.svg`)}`);
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (options.help) console.log(HELP);
else
  await main().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
