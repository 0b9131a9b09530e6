import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    // Tests run the sources; only the processes that end-to-end tests start run the built code.
    alias: [
      {
        find: /^@armature\/(diffusion|preprocessor)\/(.*)$/,
        replacement: fileURLToPath(new URL("./services/$1/src/$2.ts", import.meta.url)),
      },
      {
        find: /^@armature\/([a-z]+)\/testing\/(.*)$/,
        replacement: fileURLToPath(new URL("./shared/$1/testing/$2.ts", import.meta.url)),
      },
      {
        find: /^@armature\/([a-z]+)$/,
        replacement: fileURLToPath(new URL("./shared/$1/index.ts", import.meta.url)),
      },
    ],
  },
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // Sessions of onnxruntime are not safe in worker threads everywhere, and two cores are what CI has.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
