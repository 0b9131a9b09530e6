/** `npm run fetch-weights`: the command over shared/weights. It reads the command line and the environment, and prints. */
import { createInterface } from "node:readline/promises";
import { configHelp, readConfig } from "@armature/config";
import { AppError, InvalidConfig, printable } from "@armature/core";
import {
  FETCH_DEFAULTS,
  type FetchOptions,
  type FetchTarget,
  type FileAddress,
  fetchPlanned,
  findRemovable,
  type ListingWait,
  lockPath,
  mirrorWeights,
  openBucket,
  openCache,
  openSource,
  type Plan,
  planFetch,
  readLock,
  removeWeights,
  type ServedFile,
  selectWeights,
  verifyWeights,
  WeightsEnvironment,
  WeightsUnavailable,
} from "@armature/fetch";
import { bytesText, timeText } from "./fetch-weights/amounts.js";
import { type Arguments, readArguments, USAGE } from "./fetch-weights/arguments.js";
import { knownNames } from "./fetch-weights/known-names.js";
import { planTable } from "./fetch-weights/plan-table.js";
import { progressView } from "./fetch-weights/progress-view.js";

const EXIT = { done: 0, unavailable: 1, usage: 2, different: 3, interrupted: 130 };

interface Command {
  args: Arguments;
  env: WeightsEnvironment;
  target: Required<FetchTarget>;
  signal: AbortSignal;
}

const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    // A second time: at once. A fetch loses nothing by it but the last megabyte of each connection.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort(new Error("interrupted"));
  });
}

process.exitCode = await main(process.argv.slice(2), interruption.signal);

async function main(argv: string[], signal: AbortSignal): Promise<number> {
  try {
    const args = readArguments(argv);
    if (args.action === "help") return print(`${USAGE}\nEnvironment\n${configHelp(WeightsEnvironment)}`);
    if (args.action === "list") return print(knownNames());
    const env = readConfig(WeightsEnvironment, process.env);
    const dir = args.dir ?? env.MODELS_DIR;
    const command = { args, env, target: { dir, lockFile: args.lock ?? lockPath(dir) }, signal };
    return await (args.action === "verify" ? verify(command) : fetch(command));
  } catch (error) {
    return report(error, signal);
  }
}

async function fetch({ args, env, target, signal }: Command): Promise<number> {
  const source = await openSource(args.from, env);
  const { connections = FETCH_DEFAULTS.connections, sync, frozen, update, repair: rehash } = args;
  const tuning = { connections, connectionsPerFile: Math.min(connections, FETCH_DEFAULTS.connectionsPerFile), sync };
  try {
    const onWait = ({ repository, message, waitMs }: ListingWait) => sayWait(repository, message, waitMs);
    const options: FetchOptions = { source, cache: openCache(env), frozen, update, rehash, tuning, onWait, signal };
    const plan = await planFetch(selectWeights(args), target, options);
    if (!args.json) print(planTable(plan));
    if (args.dryRun) return args.json ? printJson({ plan }) : EXIT.done;

    const screen = args.json ? { write: () => {} } : process.stdout;
    const view = progressView(plan, screen, () => performance.now());
    const { fetchedBytes, servedByOthers } = await fetchPlanned(plan, target, {
      ...options,
      progress: (event) => {
        view.event(event);
        // Only JSON goes to stdout, so what the fetch waits for goes to stderr.
        if (args.json && event.kind === "retry") sayWait(nameOf(event.file), event.message, event.waitMs);
      },
    }).finally(() => view.end());
    const pruned = args.prune ? await prune(plan, { args, env, target, signal }) : { bytes: 0, refused: false };
    const mirrored = args.mirrorTo ? await mirror(args.mirrorTo, plan, { args, env, target, signal }) : undefined;
    if (args.json) printJson({ plan, fetchedBytes, servedByOthers, prunedBytes: pruned.bytes, mirrored });
    else {
      for (const line of othersText(servedByOthers)) print(line);
      print(`Complete in ${target.dir}; pinned by ${target.lockFile}`);
    }
    return pruned.refused ? EXIT.usage : EXIT.done;
  } finally {
    await source.close();
  }
}

function nameOf({ repository, path }: FileAddress): string {
  return `${repository}/${path}`;
}

/** What is waited for, why, and how long. Most messages begin with what they are about. */
function sayWait(what: string, message: string, waitMs: number): void {
  const reason = message.startsWith(what) ? message : `${what}: ${message}`;
  process.stderr.write(`${reason}; again in ${timeText(waitMs / 1000)}\n`);
}

/** One line for each repository that stood in for another. */
function othersText(served: readonly ServedFile[]): string[] {
  const counts = new Map<string, number>();
  for (const { repository, servedBy } of served) {
    const line = `${repository}: from ${servedBy}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, files]) => `${line} came ${files === 1 ? "1 file" : `${files} files`}`);
}

async function verify({ args, target, signal }: Command): Promise<number> {
  const lock = await readLock(target.lockFile);
  const wanted = new Set(selectWeights(args).map(({ repository }) => repository));
  const only = (repository: string) => wanted.size === 0 || wanted.has(repository);
  const files = await verifyWeights({ dir: target.dir, lock, only, signal });
  const unpinned = [...wanted].filter((repository) => !lock.repositories[repository]);
  const bad = files.filter(({ state }) => state !== "good");
  if (args.json) printJson({ files, unpinned });
  else {
    for (const { repository, path, state } of files) print(`${state.padEnd(11)}  ${repository}/${path}`);
    for (const repository of unpinned) print(`unpinned     ${repository}`);
    print(`${files.length - bad.length} of ${files.length} files are what ${target.lockFile} pins`);
    if (bad.length > 0) print("The same command with --repair in place of --verify fetches the others again");
  }
  return bad.length + unpinned.length > 0 ? EXIT.different : EXIT.done;
}

async function prune(plan: Plan, { args, target, signal }: Command): Promise<{ bytes: number; refused: boolean }> {
  const removable = await findRemovable(await readLock(target.lockFile), plan);
  const bytes = removable.reduce((sum, file) => sum + file.bytes, 0);
  if (removable.length === 0) return { bytes: 0, refused: false };
  if (!args.json)
    for (const file of removable) print(`not needed: ${file.repository}/${file.path}  ${bytesText(file.bytes)}`);
  if (!args.yes && !(await confirmed(`Remove ${removable.length} files, ${bytesText(bytes)}?`, signal))) {
    process.stderr.write("Nothing was removed; --yes removes without asking\n");
    return { bytes: 0, refused: true };
  }
  await removeWeights(target.dir, target.lockFile, removable, signal);
  return { bytes, refused: false };
}

async function mirror(to: string, plan: Plan, { args, env, target, signal }: Command) {
  const bucket = await openBucket(to, env);
  try {
    return await mirrorWeights({
      plan,
      lock: await readLock(target.lockFile),
      bucket,
      signal,
      progress: ({ file, state }) => {
        if (!args.json && state !== "storing") print(`${to}: ${file.repository}/${file.path}: ${state}`);
      },
    });
  } finally {
    await bucket.close();
  }
}

/** False, without a question, where nobody can answer. */
async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    terminal.close();
  }
}

function report(error: unknown, signal: AbortSignal): number {
  if (signal.aborted) {
    process.stderr.write("Interrupted. What has arrived is kept; the same command goes on from there\n");
    return EXIT.interrupted;
  }
  if (!(error instanceof AppError)) throw error;
  process.stderr.write(`${printable(error.message)}\n`);
  if (error instanceof InvalidConfig) return EXIT.usage;
  const different = error instanceof WeightsUnavailable && ["differs-from-lock", "not-pinned"].includes(error.reason);
  return different ? EXIT.different : EXIT.unavailable;
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return EXIT.done;
}

function printJson(value: unknown): number {
  const text = JSON.stringify(value, null, 2);
  // JSON lets C1 control characters pass as they are; a terminal would act on them.
  return print(text.replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`));
}
