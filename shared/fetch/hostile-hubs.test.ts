/** Every kind of hostile hub, a few times each: the right files or a fitting error, after few requests, in safe words. */
import { expect, test } from "vitest";
import { seededRandom } from "./testing/faults.js";
import { HOSTILE_HUBS, meetHostileHub } from "./testing/hostile-hub.js";

const TIMES = 4;

test.each(HOSTILE_HUBS.map((hub) => [hub.kind, hub] as const))("%s", async (_kind, hub) => {
  for (let seed = 1; seed <= TIMES; seed++) {
    const { broken, ended } = await meetHostileHub(hub, seededRandom(seed));
    expect(broken, `seed ${seed}, which ended with ${ended}`).toBeUndefined();
  }
});
