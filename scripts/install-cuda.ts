/** `npm run install-cuda`: onnxruntime's CUDA provider, verified, where the runtime looks for it; and what it lacks on this machine. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultCacheFolder, readConfig } from "@armature/config";
import { AppError, InvalidConfig } from "@armature/core";
import { WeightsEnvironment } from "@armature/fetch";
import { bytesText } from "./fetch-weights/amounts.js";
import { cudaMajor, driverFor, type LibraryRow, libraryRows } from "./install-cuda/libraries.js";
import { systemLoader } from "./install-cuda/loader.js";
import { type FileState, fileState, placeProvider } from "./install-cuda/place-provider.js";
import { CUDA_PROVIDER, type Provider } from "./install-cuda/providers.js";
import { libraryTable } from "./install-cuda/report.js";
import { findRuntime, providerFor, type Runtime } from "./install-cuda/runtime.js";
import { ProgressBar } from "./progress-bar.js";

const HELP = `npm run install-cuda -- [options]

Fetches onnxruntime's CUDA provider for the installed version (linux/x64), verifies its SHA-256, and puts it beside the runtime's
binding. What broke off is resumed; what is there is left. Then every library of NVIDIA's driver, CUDA and cuDNN that the provider opens
is looked for where the system's loader looks (LD_LIBRARY_PATH, RUNPATH, ldconfig), and listed with the package that brings it.

  --check          fetch nothing: only say what is there
  --dry-run        fetch nothing: only say what would be fetched
  --no-driver      leave out the driver: an image gets it from the machine that runs it
  --from WHERE     another URL of the same archive, or its file
  --runtime DIR    folder of onnxruntime-node (default the installed one)
  --cache-dir DIR  where the archive is kept while it arrives (default CACHE_DIR, else ~/.cache/armature)
  --help

Exit code 0: DEVICE=cuda can work; 1: the provider could not be had; 2: a wrong argument or version; 3: something is missing.`;

const EXIT = { done: 0, unavailable: 1, usage: 2, missing: 3, interrupted: 130 };

const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => interruption.abort(new Error("interrupted")));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      "dry-run": { type: "boolean", default: false },
      "no-driver": { type: "boolean", default: false },
      from: { type: "string" },
      runtime: { type: "string" },
      "cache-dir": { type: "string", default: process.env.CACHE_DIR || defaultCacheFolder() },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return EXIT.done;
  }
  const runtime = findRuntime(values.runtime);
  const provider = providerFor(runtime);
  const states = await Promise.all(provider.files.map((file) => fileState(runtime.folder, file)));
  for (const [i, { name }] of provider.files.entries()) console.log(`${name}: ${STATE_WORDS[states[i]!]}`);
  const isPlaced = states.every((state) => state === "pinned");
  if (values["dry-run"]) return tellPlan(provider, runtime, isPlaced);
  if (!isPlaced && !values.check) {
    await fetchProvider(provider, runtime, { from: values.from, cacheDir: join(values["cache-dir"], "cuda-provider") });
  } else if (states.includes("missing")) return EXIT.missing;
  return reportLibraries(runtime, !values["no-driver"]);
}

const STATE_WORDS: Record<FileState, string> = {
  pinned: "there, sha256 agrees",
  other: "there, but not the pinned bytes: another build",
  missing: "not there",
};

function tellPlan({ url, bytes, sha256 }: Provider, { folder }: Runtime, isPlaced: boolean): number {
  console.log(
    isPlaced ? "nothing to fetch" : `to fetch: ${bytesText(bytes)} (sha256 ${sha256})\n  from ${url}\n  to ${folder}`,
  );
  return EXIT.done;
}

async function fetchProvider(
  provider: Provider,
  { folder }: Runtime,
  { from, cacheDir }: { from: string | undefined; cacheDir: string },
): Promise<void> {
  const bar = new ProgressBar(process.stderr);
  const megabytes = Math.ceil(provider.bytes / 1e6);
  const start = performance.now();
  let first: number | undefined;
  await placeProvider(provider, folder, {
    ...{ from, cacheDir, env: readConfig(WeightsEnvironment, process.env), signal: interruption.signal },
    progress(event) {
      if (event.kind === "retry" || event.kind === "discarded") return bar.say(event.message);
      if (event.kind !== "bytes") return;
      first ??= event.done; // what an earlier run left is no speed of ours
      const rate = (event.done - first) / (performance.now() - start);
      bar.show(Math.floor(event.done / 1e6), megabytes, rate > 0 ? (provider.bytes - event.done) / rate : 0, "MB");
    },
  }).finally(() => bar.end());
  console.log(`placed in ${folder}`);
}

function reportLibraries({ folder }: Runtime, withDriver: boolean): number {
  const provider = join(folder, CUDA_PROVIDER);
  const rows = libraryRows(provider, systemLoader(process.env)).filter((row) => withDriver || !isDriver(row));
  const driver = withDriver ? driverFor(cudaMajor(provider)) : undefined;
  console.log(libraryTable(rows, driver));
  const missing = rows.filter(({ path }) => !path).map(({ library }) => library);
  if (missing.length > 0) console.log(`missing: ${missing.join(", ")}`);
  return missing.length > 0 || driver?.tooOld ? EXIT.missing : EXIT.done;
}

function isDriver({ library }: LibraryRow): boolean {
  return library === "libcuda.so.1";
}

try {
  process.exitCode = await main();
} catch (error) {
  if (interruption.signal.aborted) {
    console.error("Interrupted. What has arrived is kept; the same command goes on from there");
    process.exitCode = EXIT.interrupted;
  } else {
    console.error((error as Error).message);
    const isOfProvider = error instanceof AppError && !(error instanceof InvalidConfig);
    process.exitCode = isOfProvider ? EXIT.unavailable : EXIT.usage;
  }
}
