/** `npm run fault-report`: does on purpose what goes wrong by itself elsewhere, and tells what came through. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "@armature/core";
import type { FaultRow } from "./fault-report/fault-row.js";
import { FAULTS, type Faults } from "./fault-report/faults.js";
import { faultTable, withReport } from "./fault-report/table.js";

const DOCUMENT = join(ROOT, "docs/reliability.md");

const HELP = `npm run fault-report -- [options]

Attacks the stack, on the embedded models and on this machine alone, and prints a table: what was tried, how often, what came through.

  --short        a few cases of each kind, for CI (default: hundreds)
  --only LIST    ${Object.keys(FAULTS).join(", ")} (default all)
  --seed N       which cases (default 1)
  --docs         puts the table into docs/reliability.md, too
  --help

Exit code 0: everything held; 1: something came through.`;

const OPTIONS = {
  short: { type: "boolean", default: false },
  only: { type: "string" },
  seed: { type: "string", default: "1" },
  docs: { type: "boolean", default: false },
  help: { type: "boolean" },
} as const;

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const seed = Number(values.seed);
  const rows: FaultRow[] = [];
  for (const [name, faults] of chosen(values.only)) {
    console.error(`${name} ...`);
    rows.push(...(await faults.report({ seed, cases: values.short ? faults.short : faults.long })));
  }
  const table = faultTable(rows);
  console.log(table);
  if (values.docs) {
    const command = `npm run fault-report -- --seed ${seed}${values.short ? " --short" : ""}`;
    const machine = `${cpus().length} CPUs, ${cpus()[0]?.model.trim()}`;
    const report = `${new Date().toISOString().slice(0, 10)}, ${machine}, \`${command}\`:\n\n${table}`;
    writeFileSync(DOCUMENT, withReport(readFileSync(DOCUMENT, "utf8"), report));
  }
  return rows.every(({ tried, held }) => tried === held) ? 0 : 1;
}

function chosen(list: string | undefined): [string, Faults][] {
  const names = list?.split(",").map((name) => name.trim()) ?? Object.keys(FAULTS);
  return names.map((name) => {
    const faults = FAULTS[name];
    if (faults) return [name, faults];
    throw new Error(`--only: ${name} is none of ${Object.keys(FAULTS).join(", ")}`);
  });
}
