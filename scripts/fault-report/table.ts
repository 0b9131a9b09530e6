/** The report of faults as a Markdown table, and its place in the documentation. */
import type { FaultRow } from "./fault-row.js";

const START = "<!-- fault-report: start -->";
const END = "<!-- fault-report: end -->";

/** What was tried, how often, and what came through. */
export function faultTable(rows: readonly FaultRow[]): string {
  const lines = rows.map(({ kind, tried, held, worst }) => {
    const through = held === tried ? (worst ?? "nothing") : `${tried - held}: ${worst ?? "not said"}`;
    return `| ${cell(kind)} | ${tried} | ${held} | ${cell(through)} |`;
  });
  return ["| what was tried | times | held | came through |", "| --- | --: | --: | --- |", ...lines].join("\n");
}

/** The document with this text between its two marks. Throws where they are missing. */
export function withReport(document: string, report: string): string {
  const [start, end] = [document.indexOf(START), document.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`the document has no ${START} ... ${END}`);
  return `${document.slice(0, start)}${START}\n\n${report}\n\n${document.slice(end)}`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
