import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtFile } from "@armature/core";
import { EngineCrashed } from "@armature/engine";
import { CPU_PROFILE } from "@armature/graph";
import { expect, onTestFinished, test } from "vitest";
import type { EngineProgress } from "./calls.js";
import { PreprocessorEngine } from "./preprocessor-engine.js";

/** What dying-engine.mjs runs on. */
builtFile("shared/engine/dist/index.js");

/** Annotates with an engine whose first process ends after the event. */
function annotate(event: EngineProgress) {
  const folder = mkdtempSync(join(tmpdir(), "dying-engine-"));
  const engine = new PreprocessorEngine({
    entry: new URL("../testing/dying-engine.mjs", import.meta.url),
    settings: { models: {}, device: { profile: CPU_PROFILE, threads: 1 }, budgetBytes: 1e9 },
    maxJobMs: 60_000,
    log: () => {},
  });
  onTestFinished(async () => {
    await engine.stop();
    rmSync(folder, { recursive: true });
  });
  const image = { data: new Uint8Array(3), width: 1, height: 1 };
  const options = { event, file: join(folder, "died") };
  return engine.annotate({ processor: "toy", options, image }, new AbortController().signal);
}

test("a picture whose engine ends while its networks are loaded is tried once more", async () => {
  expect((await annotate({ stage: "residency", loaded: [] })).image.width).toBe(1);
});

test("a picture whose engine ends at its work is lost", async () => {
  await expect(annotate({ stage: "annotating" })).rejects.toBeInstanceOf(EngineCrashed);
});
