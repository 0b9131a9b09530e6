/** The plan as a table: what is needed, what is there, what will come, and what a clone would have cost. */
import type { FileState, Plan } from "@armature/fetch";
import { bytesText } from "./amounts.js";

const STATES: Record<FileState, string> = {
  present: "here",
  unverified: "here, to be hashed",
  differs: "here with another size, to be replaced",
  partial: "begun",
  cached: "in the Python library's cache",
  missing: "to fetch",
};

export function planTable(plan: Plan): string {
  const rows = plan.repositories.flatMap(({ repository, servedBy, commit, labels, licence, pinned, files }) => {
    const other = servedBy === repository ? "" : `from ${servedBy}`;
    const about = [other, commit?.slice(0, 8), pinned ? "pinned" : "", licence].filter(Boolean).join(", ");
    const title = `${repository} (${about})  ${labels.join(", ")}`;
    const lines = files.map(({ path, size, state, bytesHere }) => {
      const begun = state === "partial" ? ` (${bytesText(bytesHere)} here)` : "";
      return [`  ${path}`, bytesText(size), STATES[state] + begun] as const;
    });
    return [[title, "", ""] as const, ...lines];
  });
  const width = Math.max(...rows.map(([name, size]) => (size ? name.length : 0)));
  const table = rows.map(([name, size, state]) =>
    size ? `${name.padEnd(width)}  ${size.padStart(8)}  ${state}` : name,
  );
  return [...table, ...plan.notes.map((note) => `Note: ${note}`), "", summary(plan)].join("\n");
}

function summary({ totalBytes, writeBytes, fetchBytes, cloneBytes }: Plan): string {
  const cached = writeBytes - fetchBytes;
  const parts = [
    `${bytesText(totalBytes)} in all`,
    `${bytesText(totalBytes - writeBytes)} here`,
    ...(cached > 0 ? [`${bytesText(cached)} from the cache`] : []),
    `${bytesText(fetchBytes)} to fetch`,
  ];
  const factor = totalBytes > 0 && cloneBytes ? `, ${(cloneBytes / totalBytes).toFixed(1)} times as much` : "";
  const clone = cloneBytes === undefined ? "" : ` A full clone would take ${bytesText(cloneBytes)}${factor}.`;
  return `${parts.join(", ")}.${clone}`;
}
