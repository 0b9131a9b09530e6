/** What one run of the suite came to, from the report that vitest writes (its `json` reporter). */
import { relative } from "node:path";
import { z } from "zod";

const VitestReport = z.object({
  numPassedTests: z.number(),
  numPendingTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

export interface RunResult {
  passed: number;
  skipped: number;
  /** Tests by file and name, and files that failed outside of their tests. */
  failed: string[];
  seconds: number;
}

/** Reads a report's text. Names files relative to `root`. */
export function readReport(text: string, root: string, seconds: number): RunResult {
  const { numPassedTests, numPendingTests, testResults } = VitestReport.parse(JSON.parse(text));
  const failed = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const tests = assertionResults
      .filter((test) => test.status === "failed")
      .map((test) => `${file} > ${test.fullName}`);
    if (tests.length > 0 || status !== "failed") return tests;
    return [`${file}: ${message.split("\n", 1)[0]}`];
  });
  return { passed: numPassedTests, skipped: numPendingTests, failed, seconds };
}

/** The result of a run: one line, and one more per failure. */
export function runLines({ passed, skipped, failed, seconds }: RunResult, run: number, runs: number): string {
  const counts = `${passed} passed, ${failed.length} failed, ${skipped} skipped`;
  return [`run ${run}/${runs}: ${counts}, ${seconds.toFixed(0)} s`, ...failed.map((name) => `  ${name}`)].join("\n");
}

/** The closing line, and each test that failed, with the number of runs that it failed in. */
export function verdict(results: readonly RunResult[], cores: number): { passed: boolean; text: string } {
  const counts = new Map<string, number>();
  for (const name of results.flatMap(({ failed }) => failed)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const good = results.filter(({ failed }) => failed.length === 0).length;
  const lines = [...counts].map(([name, count]) => `  failed in ${count} of ${results.length}: ${name}`);
  const text = `${good} of ${results.length} runs passed with ${cores} cores kept busy`;
  return { passed: good === results.length, text: [text, ...lines].join("\n") };
}
