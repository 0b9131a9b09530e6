import { expect, test } from "vitest";
import { hostileHttp } from "./http.js";

test("malformed HTTP and hostile clients get a clear answer or none, and the service goes on", async () => {
  const rows = await hostileHttp(54, 20);
  expect(rows.length).toBeGreaterThan(8);
  expect(rows.filter(({ tried, held }) => tried === 0 || held !== tried)).toEqual([]);
});
