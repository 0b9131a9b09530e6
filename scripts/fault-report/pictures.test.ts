import { expect, test } from "vitest";
import { hostilePictures } from "./pictures.js";

test("hostile pictures are refused or taken in their own size, and none keeps the next from being decoded", async () => {
  const rows = await hostilePictures(100, 20);
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) expect(row).toEqual({ kind: row.kind, tried: row.held, held: row.tried });
  expect(rows.every(({ tried }) => tried > 0)).toBe(true);
});
