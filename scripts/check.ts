/** `npm run check`: lint and format of everything, and the types of the tests; those of the sources are checked by the build. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const STEPS = [
  ["biome", "check", "."],
  ["tsc", "-p", "tsconfig.test.json"],
];

const HELP = `Builds, and then runs what finds faults without running the code:

${STEPS.map((step) => `  ${step.join(" ")}`).join("\n")}`;

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
if (values.help) console.log(HELP);
else process.exitCode = Math.max(...STEPS.map(run));

function run([program, ...args]: string[]): number {
  return spawnSync(program!, args, { stdio: "inherit" }).status ?? 1;
}
