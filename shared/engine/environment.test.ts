import { expect, test } from "vitest";
import { engineEnvironment } from "./environment.js";

const NATIVE = {
  PATH: "/bin",
  LC_ALL: "C",
  ORT_LOG: "1",
  VK_ICD_FILENAMES: "/icd",
  XDG_RUNTIME_DIR: "/run",
  LD_LIBRARY_PATH: "/l",
  CUDA_VISIBLE_DEVICES: "0",
  MALLOC_ARENA_MAX: "8",
};

const FOREIGN = {
  AWS_SECRET_ACCESS_KEY: "s",
  HF_TOKEN: "t",
  NODE_OPTIONS: "--inspect",
  PATHS: "x",
  API_KEY: "k",
  NODE_CHANNEL_FD: "3",
  TZ: undefined,
};

const RETURNS_MEMORY = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1048576" };

test("only what native code reads is passed on, and what is added wins", () => {
  expect(engineEnvironment({ ...NATIVE, ...FOREIGN }, { MALLOC_ARENA_MAX: "2", EXTRA: "1" })).toEqual({
    ...RETURNS_MEMORY,
    ...NATIVE,
    MALLOC_ARENA_MAX: "2",
    EXTRA: "1",
  });
});

test("an engine gives freed weights back to the system, unless the service's environment says otherwise", () => {
  expect(engineEnvironment({})).toEqual(RETURNS_MEMORY);
  expect(engineEnvironment({ GLIBC_TUNABLES: "own" })).toEqual({ GLIBC_TUNABLES: "own" });
});
