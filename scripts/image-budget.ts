/** `npm run image-budget`: what the images weigh, layer by layer, against dockerfiles/image-budget.json. Exit code 1 over budget. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SERVICES } from "./container/image-content.js";
import { platformName, readPlatform } from "./container/platform.js";
import { type BudgetFile, readBudget } from "./image-budget/budget-file.js";
import { sizeChart } from "./image-budget/chart.js";
import { judgeDeployments } from "./image-budget/deployments.js";
import { measureContent } from "./image-budget/measure-content.js";
import { measureImage } from "./image-budget/measure-image.js";
import type { Measurement } from "./image-budget/measurement.js";
import { deploymentReport, imageReport } from "./image-budget/report.js";
import { judge, misplacedWeights } from "./image-budget/verdict.js";

const HELP = `Measures the images against their budget.

Without --image: what the cpu images would hold, from what is installed and built here, on the base of recorded size.

  --image NAME=SOURCE  a built image instead, such as diffusion:cpu=armature-diffusion:cpu; SOURCE is the name of an image at
                       docker or buildah, an OCI layout, a root filesystem or a .tar of an image; may be given several times
  --record FROM        writes the sizes of base and node of the built image into the budget; FROM says which base it was
  --platform P         linux/x64 or linux/arm64 (default: this machine's)
  --budget FILE        default dockerfiles/image-budget.json
  --root FOLDER        the project that is measured (default: this one)
  --json FILE          writes everything that was measured
  --svg FILE           writes a chart`;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const { values } = parseArgs({
  options: {
    image: { type: "string", multiple: true },
    record: { type: "string" },
    platform: { type: "string", default: `linux/${process.arch}` },
    budget: { type: "string" },
    root: { type: "string", default: ROOT },
    json: { type: "string" },
    svg: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) console.log(HELP);
else {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
  }
}

async function main(): Promise<number> {
  const budgetFile = values.budget ?? join(values.root, "dockerfiles/image-budget.json");
  const budget = readBudget(budgetFile);
  const measurements = values.image ? await builtImages(values.image) : await contents(budget);
  if (values.record) record(budgetFile, budget, measurements, values.record);

  const judged = measurements.map((measurement) => ({ measurement, lines: judge(measurement, budget) }));
  const deployments = judgeDeployments(measurements, budget);
  const misplaced = measurements.flatMap(misplacedWeights);
  for (const { measurement, lines } of judged) console.log(`${imageReport(measurement, lines)}\n`);
  if (deployments.length > 0) console.log(`${deploymentReport(deployments)}\n`);
  for (const path of misplaced) console.log(`weights in a layer of code: ${path}`);
  if (values.json) write(values.json, `${JSON.stringify({ images: judged, deployments, misplaced }, null, 2)}\n`);
  if (values.svg) write(values.svg, sizeChart(measurements, budget));

  const over = [...judged.flatMap(({ lines }) => lines), ...deployments].filter(({ verdict }) => verdict === "over");
  if (over.length > 0) console.log(`${over.length} over budget`);
  return over.length + misplaced.length > 0 ? 1 : 0;
}

async function contents(budget: BudgetFile): Promise<Measurement[]> {
  const platform = readPlatform(values.platform);
  const measured: Measurement[] = [];
  for (const service of SERVICES) measured.push(await measureContent(values.root, service, platform, budget));
  return measured;
}

async function builtImages(pairs: string[]): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 0) throw new Error(`--image: wants NAME=SOURCE, found ${pair}`);
    measured.push(await measureImage(pair.slice(0, at), pair.slice(at + 1)));
  }
  return measured;
}

/** The base is the same in every image; the largest that was measured counts. */
function record(file: string, budget: BudgetFile, measurements: Measurement[], from: string): void {
  const largest = measurements.reduce((a, b) => (b.layers.base.unpacked > a.layers.base.unpacked ? b : a));
  const { base, node } = largest.layers;
  budget.recorded[platformName(readPlatform(values.platform))] = { from, base, node };
  write(file, `${JSON.stringify(budget, null, 2)}\n`);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
