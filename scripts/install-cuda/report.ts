/** What was found, as text for a terminal. */
import type { Driver, LibraryRow } from "./libraries.js";

/** A line a library, and the driver's. */
export function libraryTable(rows: readonly LibraryRow[], driver: Driver | undefined): string {
  const lines = rows.map(({ library, package: from, path }) => [library, from, path ?? "MISSING"]);
  if (driver) lines.push(["driver", `NVIDIA's, ${driver.least} or newer`, driverText(driver)]);
  const table = [["Library", "Package", "Found"], ...lines];
  const widths = [0, 1].map((column) => Math.max(...table.map((line) => line[column]!.length)));
  return table.map(([a, b, c]) => `${a!.padEnd(widths[0]!)}  ${b!.padEnd(widths[1]!)}  ${c}`).join("\n");
}

function driverText({ version, tooOld }: Driver): string {
  if (version === undefined) return "the kernel tells no version";
  return tooOld ? `TOO OLD: ${version}` : version;
}
