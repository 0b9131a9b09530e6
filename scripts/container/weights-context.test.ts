import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WeightsLock } from "@armature/fetch";
import { expect, test } from "vitest";
import { weightsDockerfile, writeWeightsContext } from "./weights-context.js";

const sha256 = "0".repeat(64);

test("each model is a layer of its own, in an order that does not depend on when it was fetched", () => {
  expect(weightsDockerfile(["owner/b", "owner/a"], "armature-diffusion:cpu")).toBe(
    `FROM armature-diffusion:cpu
COPY ["owner/a/","/weights/owner/a/"]
COPY ["owner/b/","/weights/owner/b/"]
ENV MODELS_DIR=/weights
`,
  );
});

test("the build sees the files that the lock pins and no other, with their times", () => {
  const dir = mkdtempSync(join(tmpdir(), "weights-"));
  const context = mkdtempSync(join(tmpdir(), "context-"));
  mkdirSync(join(dir, "owner/net/unet"), { recursive: true });
  for (const file of ["unet/model.safetensors", "unet/model.bin", "config.json"])
    writeFileSync(join(dir, "owner/net", file), file);
  const pinned = (path: string) => ({ [path]: { size: path.length, sha256 } });
  const lock: WeightsLock = {
    version: 1,
    repositories: {
      "owner/net": {
        revision: "main",
        commit: null,
        files: { ...pinned("unet/model.safetensors"), ...pinned("config.json") },
      },
    },
  };
  writeWeightsContext(context, dir, lock, "code:cpu");
  const baked = join(context, "owner/net/unet/model.safetensors");
  expect(readFileSync(baked, "utf8")).toBe("unet/model.safetensors");
  expect(statSync(baked).mtimeMs).toBe(statSync(join(dir, "owner/net/unet/model.safetensors")).mtimeMs);
  expect(existsSync(join(context, "owner/net/config.json"))).toBe(true);
  expect(existsSync(join(context, "owner/net/unet/model.bin"))).toBe(false);
  expect(readFileSync(join(context, "Dockerfile"), "utf8")).toContain("FROM code:cpu");
});
