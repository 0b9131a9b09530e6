import { InvalidModel, OutOfMemory } from "@armature/core";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { warmUp } from "./warm-up.js";

const log = pino({ level: "silent" });

/** The obstacle after all loads have ended; `outcomes` are their errors. */
async function warmed(outcomes: Record<string, Error | undefined>, loaded: string[] = []) {
  const errors = vi.spyOn(log, "error");
  const obstacle = warmUp({
    names: Object.keys(outcomes),
    load: async (name) => {
      if (outcomes[name]) throw outcomes[name];
    },
    isLoaded: (name) => loaded.includes(name),
    log,
  });
  await vi.waitFor(() => expect(errors).toHaveBeenCalledTimes(Object.values(outcomes).filter(Boolean).length));
  vi.restoreAllMocks();
  return obstacle();
}

test("what WARM names and could not be loaded is an obstacle, by name and with the reason", async () => {
  expect(await warmed({ canny: undefined, depth: new OutOfMemory("the sums") })).toEqual({
    reason: "WARM: depth could not be loaded: the sums",
    retryAfterS: 60,
  });
  expect(await warmed({ canny: undefined })).toBeUndefined();
});

test("files of the server are not named", async () => {
  const reason = "WARM: depth could not be loaded: Unusable model";
  expect(await warmed({ depth: new InvalidModel("/data/depth/config.json: no") })).toMatchObject({ reason });
});

test("what is loaded after all is no obstacle any more", async () => {
  expect(await warmed({ depth: new OutOfMemory("the sums") }, ["depth"])).toBeUndefined();
});
