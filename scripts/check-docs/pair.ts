/** Pairs the commands that the documentation shows with the rows that say how they are run. */
import type { Row } from "./rows.js";

export interface Shown {
  command: string;
  /** The file, or the command, whose text shows it. */
  where: string;
}

/** Each distinct command with its row. Throws, and names every one, where a command has no row or a row no command. */
export function pair(shown: Shown[], rows: Row[]): { command: string; row: Row }[] {
  const distinct = [...new Map(shown.map((one) => [one.command, one])).values()];
  const rowOf = (command: string) => rows.find((row) => matches(row, command));
  const faults = [
    ...distinct.filter(({ command }) => !rowOf(command)).map(({ command, where }) => `${where}: no row for ${command}`),
    ...rows
      .filter((row) => !distinct.some(({ command }) => rowOf(command) === row))
      .map(({ command }) => `no text shows ${command}`),
  ];
  if (faults.length > 0) throw new Error(`scripts/check-docs/rows.ts differs:\n  ${faults.join("\n  ")}`);
  return distinct.map(({ command }) => ({ command, row: rowOf(command)! }));
}

function matches({ command: wanted }: Row, command: string): boolean {
  return typeof wanted === "string" ? wanted === command : wanted.test(command);
}
