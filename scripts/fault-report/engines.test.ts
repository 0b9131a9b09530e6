import { expect, test } from "vitest";
import { engineFaults } from "./engines.js";

test("an engine that is killed at any moment costs its own request at most, and the next one gets its picture", async () => {
  const rows = await engineFaults(4, 3);
  expect(rows).toEqual([
    { kind: "engine: killed amid a picture", tried: 2, held: 2 },
    { kind: "engine: killed while it loads", tried: 1, held: 1 },
    { kind: "engine: killed while it waits for work", tried: 1, held: 1 },
  ]);
}, 120_000);
