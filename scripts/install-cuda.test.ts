/** The command as it is run: what it prints, and its exit code. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtFile } from "@armature/core";
import { expect, test } from "vitest";
import { CUDA_PROVIDER, PROVIDERS } from "./install-cuda/providers.js";
import { elfLibrary } from "./install-cuda/testing/elf-library.js";

const COMMAND = builtFile("scripts/dist/install-cuda.js");
const [VERSION, PROVIDER] = Object.entries(PROVIDERS)[0]!;
const NEEDS = ["libcublasLt.so.13", "libcudart.so.13", "libcuda.so.1"];
const CUDNN = ["", "_graph", "_ops", "_cnn", "_heuristic", "_engines_precompiled", "_engines_runtime_compiled"];
const OPENED = [...CUDNN.map((part) => `libcudnn${part}.so.9`), "libnvrtc.so.13"];

/** A folder as onnxruntime-node's, with these files beside the binding. */
function runtime(version: string, files: Record<string, Buffer> = {}): { root: string; folder: string } {
  const root = mkdtempSync(join(tmpdir(), "armature-runtime-"));
  const folder = join(root, "bin/napi-v6/linux/x64");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: "onnxruntime-node", version }));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return { root, folder };
}

/** Makes libraries of these names beside a provider that needs them. */
function withLibraries(names: string[]) {
  const provider = { [CUDA_PROVIDER]: elfLibrary(NEEDS), [PROVIDER!.files[0]!.name]: elfLibrary([]) };
  const { root } = runtime(VERSION!, provider);
  const libraries = mkdtempSync(join(tmpdir(), "armature-libraries-"));
  for (const name of names) writeFileSync(join(libraries, name), elfLibrary([]));
  // what this machine's driver is must not matter
  return run({ LD_LIBRARY_PATH: libraries }, "--check", "--no-driver", "--runtime", root);
}

function run(env: Record<string, string>, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

test("the provider of the installed runtime is pinned", () => {
  const { status, stdout } = run({}, "--dry-run");
  expect(status).toBe(0);
  expect(stdout).toMatch(/to fetch: .* \(sha256 [0-9a-f]{64}\)|nothing to fetch/);
});

test("a version that is not pinned ends with 2 and the list of those that are", () => {
  const { root, folder } = runtime("1.2.3");
  const { status, stderr } = run({}, "--runtime", root);
  expect(status).toBe(2);
  expect(stderr).toBe(`onnxruntime-node 1.2.3: its CUDA provider is not pinned here; known are ${VERSION}\n`);
  expect(readdirSync(folder)).toEqual([]);
});

test("an address that gives nothing ends with 1, and nothing is placed", () => {
  const { root, folder } = runtime(VERSION!);
  const cache = mkdtempSync(join(tmpdir(), "armature-cache-"));
  const args = ["--runtime", root, "--cache-dir", cache, "--from", join(cache, "nowhere", "file.whl")];
  const { status, stderr } = run({}, ...args);
  expect(status).toBe(1);
  expect(stderr).toContain("file.whl does not exist");
  expect(readdirSync(folder)).toEqual([]);
});

test("--check fetches nothing, and ends with 3 without a provider", () => {
  const { status, stdout } = run({}, "--check", "--runtime", runtime(VERSION!).root);
  expect(status).toBe(3);
  expect(stdout).toContain(`${CUDA_PROVIDER}: not there`);
});

test("with everything there it ends with 0, and says that the build is another one", () => {
  const { status, stdout } = withLibraries([...NEEDS, ...OPENED]);
  expect(stdout).toContain(`${CUDA_PROVIDER}: there, but not the pinned bytes: another build`);
  expect(stdout).not.toContain("MISSING");
  expect(status).toBe(0);
});

test("what is missing is named, and ends with 3", () => {
  const { status, stdout } = withLibraries([...NEEDS, ...OPENED].filter((name) => !/cudart|cudnn_ops/.test(name)));
  expect(stdout).toMatch(/^libcudnn_ops\.so\.9 +libcudnn9-cuda-13 +MISSING$/m);
  expect(stdout).toContain("missing: libcudart.so.13, libcudnn_ops.so.9\n");
  expect(status).toBe(3);
});

test("the driver may come with another machine", () => {
  const { stdout } = withLibraries([]);
  expect(stdout).toContain("libcudart.so.13");
  expect(stdout).not.toMatch(/libcuda\.so\.1|driver/);
});

test.each([["--unknown"], ["--runtime", "/nowhere"]])("%s ends with 2", (...args) => {
  expect(run({}, ...args).status).toBe(2);
});

test("--help names every option", () => {
  const { status, stdout } = run({}, "--help");
  expect(status).toBe(0);
  for (const option of ["--check", "--dry-run", "--no-driver", "--from", "--runtime", "--cache-dir"]) {
    expect(stdout).toContain(option);
  }
});
