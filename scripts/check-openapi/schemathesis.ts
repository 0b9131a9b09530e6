/** How schemathesis is called. */
import { join } from "node:path";
import { ROOT } from "@armature/core";

const CONFIG = join(ROOT, "scripts/check-openapi/schemathesis.toml");

interface SchemathesisRun {
  /** Address of the OpenAPI document. */
  document: string;
  /** File for the report, as JUnit's XML. */
  report: string;
  examples: string;
  seed: string;
}

/** The command line: all checks, as the configuration beside this file narrows them. */
export function schemathesisArguments({ document, report, examples, seed }: SchemathesisRun): string[] {
  return [
    `--config-file=${CONFIG}`,
    "run",
    document,
    "--checks=all",
    `--max-examples=${examples}`,
    `--seed=${seed}`,
    "--report=junit",
    `--report-junit-path=${report}`,
  ];
}
