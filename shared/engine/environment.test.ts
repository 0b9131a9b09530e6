import { expect, test } from "vitest";
import { engineEnvironment } from "./environment.js";

test("only what native code reads is passed on, and what is added wins", () => {
  const source = {
    ...{
      PATH: "/bin",
      LC_ALL: "C",
      ORT_LOG: "1",
      VK_ICD_FILENAMES: "/icd",
      XDG_RUNTIME_DIR: "/run",
      LD_LIBRARY_PATH: "/l",
    },
    ...{ CUDA_VISIBLE_DEVICES: "0", MALLOC_ARENA_MAX: "8", TZ: undefined },
    ...{
      AWS_SECRET_ACCESS_KEY: "s",
      HF_TOKEN: "t",
      NODE_OPTIONS: "--inspect",
      PATHS: "x",
      API_KEY: "k",
      NODE_CHANNEL_FD: "3",
    },
  };
  expect(engineEnvironment(source, { MALLOC_ARENA_MAX: "2", EXTRA: "1" })).toEqual({
    ...{
      PATH: "/bin",
      LC_ALL: "C",
      ORT_LOG: "1",
      VK_ICD_FILENAMES: "/icd",
      XDG_RUNTIME_DIR: "/run",
      LD_LIBRARY_PATH: "/l",
    },
    ...{ CUDA_VISIBLE_DEVICES: "0", MALLOC_ARENA_MAX: "2", EXTRA: "1" },
  });
});
