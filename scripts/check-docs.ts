/** `npm run check-docs`: runs the commands that the documentation shows, each in the short form that its row names. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "@armature/core";
import { helpCommands, markdownCommands } from "./check-docs/commands.js";
import { missingFiles } from "./check-docs/missing-files.js";
import { pair, type Shown } from "./check-docs/pair.js";
import { ROWS, type Row } from "./check-docs/rows.js";
import { type Ended, run, withoutBuild } from "./check-docs/run.js";
import { startAsShown } from "./check-docs/start-as-shown.js";

const HELP = `Runs every command that README.md, docs/ and the --help texts show, in a short form that needs no network and no GPU,
and the --help of every npm script. scripts/check-docs/rows.ts says how each is run, or why it is left out: a command without a
row is a fault, and so is a row without a command.`;

/** --help of these is that of tsc, Biome and Vitest, and shows their commands, not ours. */
const TOOLS = ["build", "format", "test"];

const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };

/** Commands that did not do what the documentation says. */
const faulty: string[] = [];

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
try {
  if (values.help) console.log(HELP);
  else await checkDocs();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function checkDocs(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "armature-docs-"));
  const env = { CACHE_DIR: folder };
  const services = await startAsShown(env);
  try {
    const shown = [...inMarkdown(), ...(await inHelp(env)), ...commandsOf("npm start", services.output)];
    for (const { command, row } of pair(shown, ROWS)) {
      await report(command, () => runRow(command, row));
    }
  } finally {
    await services.stop();
    rmSync(folder, { recursive: true });
  }
  console.log(faulty.length === 0 ? "The documentation is true." : `Faulty:\n  ${faulty.join("\n  ")}`);
  if (faulty.length > 0) process.exitCode = 1;

  async function runRow(command: string, row: Row): Promise<Ended | string> {
    const missing = missingFiles(command, ROOT);
    if (missing.length > 0) return { fault: `there is no ${missing.join(", no ")}`, stdout: "" };
    if (!row.run) return `left out: ${row.reason}`;
    return run(services.here(withoutBuild(row.run(command, folder), scripts)), env);
  }
}

function inMarkdown(): Shown[] {
  const docs = readdirSync(join(ROOT, "docs")).filter((file) => file.endsWith(".md"));
  return ["README.md", ...docs.map((file) => `docs/${file}`)].flatMap((where) =>
    markdownCommands(readFileSync(join(ROOT, where), "utf8")).map((command) => ({ command, where })),
  );
}

/** Asks every npm script for its help. */
async function inHelp(env: Record<string, string>): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const name of Object.keys(scripts)) {
    const command = `npm run ${name} -- --help`;
    await report(command, async () => {
      const ended = await run(withoutBuild(command, scripts), env);
      if (!TOOLS.includes(name)) shown.push(...commandsOf(command, ended.stdout));
      return ended.fault || ended.stdout ? ended : { ...ended, fault: "prints nothing" };
    });
  }
  return shown;
}

function commandsOf(where: string, text: string): Shown[] {
  return helpCommands(text).map((command) => ({ command, where }));
}

/** Prints how a command went: the seconds it took, its fault, or why it is left out. */
async function report(command: string, work: () => Promise<Ended | string>): Promise<void> {
  const start = performance.now();
  const ended = await work();
  const line = command.replace(/\s*\\?\n\s*/g, " ");
  if (typeof ended === "string") console.log(`     -   ${line}\n         ${ended}`);
  else if (ended.fault === undefined) {
    console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s ${line}`);
  } else {
    faulty.push(line);
    console.log(` FAULT   ${line}\n${ended.fault}`);
  }
}
