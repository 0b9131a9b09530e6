/** Tests with libraries that hold nothing but the names of others. */
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cudaMajor, driverFor, libraryRows } from "./libraries.js";
import { systemLoader } from "./loader.js";
import { elfLibrary } from "./testing/elf-library.js";

const NEEDS = ["libcublas.so.13", "libcudart.so.13", "libcuda.so.1", "libc.so.6"];
const CUDNN = ["", "_graph", "_ops", "_cnn", "_heuristic", "_engines_precompiled", "_engines_runtime_compiled"];
const OPENED = [...CUDNN.map((part) => `libcudnn${part}.so.9`), "libnvrtc.so.13"];

/** A folder with these libraries; each needs what is named. */
function folderOf(libraries: Record<string, string[]>, runpath?: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "armature-libraries-")));
  for (const [name, needed] of Object.entries(libraries))
    writeFileSync(join(folder, name), elfLibrary(needed, runpath));
  return folder;
}

const empty = (names: string[]) => Object.fromEntries(names.map((name) => [name, []]));
const everything = {
  ...empty([...NEEDS, ...OPENED]),
  "libcublas.so.13": ["libcublasLt.so.13"],
  "libcublasLt.so.13": [],
};

function rowsOf(libraries: Record<string, string[]>) {
  const provider = join(folderOf({ "provider.so": NEEDS }), "provider.so");
  const folder = folderOf(libraries);
  return { folder, rows: libraryRows(provider, systemLoader({ LD_LIBRARY_PATH: folder })) };
}

test("where everything is there, each library is listed with its package and place", () => {
  const { folder, rows } = rowsOf(everything);
  expect(rows.map(({ library }) => library)).toEqual([
    ...NEEDS.slice(0, 3),
    ...OPENED,
    "libcublasLt.so.13", // of a library of the provider
  ]);
  expect(rows.every(({ library, path }) => path === join(folder, library))).toBe(true);
  const packages = Object.fromEntries(rows.map((row) => [row.library, row.package]));
  expect(packages).toMatchObject({
    "libcublas.so.13": "CUDA 13: libcublas-13-*",
    "libcuda.so.1": "NVIDIA's driver, 580.65.06 or newer",
    "libcudnn_ops.so.9": "libcudnn9-cuda-13",
    "libnvrtc.so.13": "CUDA 13: cuda-nvrtc-13-*",
  });
});

test.each(["libcudart.so.13", "libcuda.so.1", "libcudnn_cnn.so.9", "libnvrtc.so.13", "libcublasLt.so.13"])(
  "%s is named where it is missing",
  (name) => {
    const { [name]: _, ...others } = everything as Record<string, string[]>;
    const missing = rowsOf(others).rows.filter(({ path }) => !path);
    expect(missing.map(({ library }) => library)).toEqual([name]);
  },
);

test("a library of the system is listed only where it is missing", () => {
  const { rows } = rowsOf({ ...everything, "libcudart.so.13": ["libnowhere.so.7"] });
  expect(rows.find(({ library }) => library === "libc.so.6")).toBeUndefined();
  expect(rows.find(({ library }) => library === "libnowhere.so.7")).toMatchObject({ path: undefined });
});

test("the folders that a binary names are searched, $ORIGIN being its own", () => {
  const folder = folderOf({ "provider.so": ["libcudart.so.13"] }, "/nowhere:$ORIGIN/cuda");
  mkdirSync(join(folder, "cuda"));
  writeFileSync(join(folder, "cuda", "libcudart.so.13"), elfLibrary([]));
  const [cudart] = libraryRows(join(folder, "provider.so"), systemLoader({}));
  expect(cudart).toMatchObject({ library: "libcudart.so.13", path: join(folder, "cuda", "libcudart.so.13") });
});

test("the CUDA release is that of the runtime which a provider links", () => {
  const folder = folderOf({ "twelve.so": ["libcudart.so.12"], "none.so": ["libc.so.6"] });
  expect(cudaMajor(join(folder, "twelve.so"))).toBe(12);
  expect(() => cudaMajor(join(folder, "none.so"))).toThrow("links no CUDA runtime");
});

test.each([
  ["NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue Apr  8 12:41:17 UTC 2025", "550.163.01", true],
  ["NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build", "580.65.06", false],
  ["NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.9  Release Build", "580.9", true],
  ["NVRM version: NVIDIA UNIX x86_64 Kernel Module  610.12  Release Build", "610.12", false],
])("%s: the driver's version, and whether CUDA 13 takes it", (text, version, tooOld) => {
  const file = join(folderOf({}), "version");
  writeFileSync(file, `${text}\nGCC version: gcc version 12.2.0\n`);
  expect(driverFor(13, file)).toEqual({ version, least: "580.65.06", tooOld });
});

test("without the kernel's file the driver's version is not known", () => {
  expect(driverFor(12, "/nowhere/version")).toEqual({ version: undefined, least: "525.60.13", tooOld: false });
});
