/** `npm run check-openapi`: holds both services against their own OpenAPI documents, with public tools that know only those. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { request } from "undici";
import { findPythonTool } from "./check-openapi/find-python-tool.js";
import { schemathesisArguments } from "./check-openapi/schemathesis.js";
import { runProgram } from "./program.js";
import { type ServiceProcess, startStack } from "./services.js";

const HELP = `npm run check-openapi -- [options]

Starts both services on the embedded models. openapi-spec-validator reads the OpenAPI 3.1 document of each, and schemathesis
sends requests made from it, right and wrong ones: every answer must be as the document says, and none a 5xx.

  --examples N   requests per operation and phase (default 30)
  --seed N       which requests (default 1)
  --out FOLDER   for schemathesis' reports (default out/check-openapi)
  --help

Needs both tools on PATH or in $PYTHON_TOOLS (a folder): pip install schemathesis openapi-spec-validator`;

const OPTIONS = {
  examples: { type: "string", default: "30" },
  seed: { type: "string", default: "1" },
  out: { type: "string", default: "out/check-openapi" },
  help: { type: "boolean" },
} as const;

await runProgram({ help: HELP, args: { options: OPTIONS }, main: ({ values }) => main(values) });

async function main(values: { examples: string; seed: string; out: string }): Promise<number> {
  const validator = findPythonTool("openapi-spec-validator", process.env);
  const schemathesis = findPythonTool("schemathesis", process.env);
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const { preprocessor, diffusion, stop } = await startStack({ env: { LOG_LEVEL: "error" } });
  const check = async (name: string, { url }: ServiceProcess) => {
    const document = `${url}/openapi.json`;
    const report = join(out, `${name}.xml`);
    const run = programIn(out);
    const valid = run(validator, [await downloaded(document, join(out, `${name}.json`))]);
    return [valid, run(schemathesis, schemathesisArguments({ ...values, document, report }))];
  };
  try {
    const codes = [await check("preprocessor", preprocessor), await check("diffusion", diffusion)].flat();
    return Math.max(...codes);
  } finally {
    await stop();
  }
}

async function downloaded(url: string, file: string): Promise<string> {
  const { body } = await request(url);
  writeFileSync(file, await body.text());
  return file;
}

/** Runs a program, which may leave files in `folder`; gives its exit code. What it prints is shown. */
function programIn(folder: string) {
  return (program: string, args: readonly string[]): number => {
    const { status, error } = spawnSync(program, args, { cwd: folder, stdio: "inherit" });
    if (error) throw error;
    return status ?? 1;
  };
}
