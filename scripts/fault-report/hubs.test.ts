import { HOSTILE_HUBS } from "@armature/fetch/testing/hostile-hub";
import { expect, test } from "vitest";
import { hostileHubs } from "./hubs.js";

test("every kind of hostile hub is tried in turn, and holds", async () => {
  const rows = await hostileHubs(HOSTILE_HUBS.length + 1, 2);
  expect(rows.map(({ kind }) => kind)).toEqual(HOSTILE_HUBS.map(({ kind }) => `hub: ${kind}`));
  expect(rows.map(({ tried }) => tried)).toEqual(rows.map((_, i) => (i === 0 ? 2 : 1)));
  expect(rows.filter(({ tried, held }) => held < tried)).toEqual([]);
});
