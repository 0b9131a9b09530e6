import { expect, test } from "vitest";
import { forbiddenAddresses } from "./addresses.js";

test("no form of an address that leads inside is asked for", async () => {
  const rows = await forbiddenAddresses(1);
  expect(rows.filter(({ tried, held }) => held < tried)).toEqual([]);
  expect(rows.reduce((total, { tried }) => total + tried, 0)).toBeGreaterThan(40);
});
