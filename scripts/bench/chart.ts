/** The results as bars, for the README. Same input, same text. */
import { median, type Row, seconds } from "./report.js";
import { COLOURS, escaped, svg } from "./svg.js";

const WIDTH = 800;
/** The width of a character, roughly: labels must fit in any font. */
const CHARACTER = 7.5;
const RIGHT = 120;
const TOP = 40;
const BAR = 18;
const PITCH = 22;
const GAP = 14;

const COLOUR_OF: Record<string, string> = {
  prepared: COLOURS.blue,
  "in place": COLOURS.lightBlue,
  int8: COLOURS.green,
  plain: COLOURS.grey,
};

/** Median seconds of each row of one model, a group for each workload; each group has a scale of its own, its slowest row. */
export function barChart(rows: Row[], title: string): string {
  const workloads = [...new Set(rows.map(({ workload }) => workload))];
  const left = 20 + CHARACTER * Math.max(...rows.map(({ form }) => form.length));
  const lines: string[] = [];
  let y = TOP;
  for (const workload of workloads) {
    const group = rows.filter((row) => row.workload === workload);
    const slowest = Math.max(...group.map(timeOf));
    lines.push(`<text class="workload" x="10" y="${y + 13}">${escaped(workload)}</text>`);
    y += PITCH;
    for (const row of group) {
      lines.push(bar(row, timeOf(row) / slowest, { left, y }));
      y += PITCH;
    }
    y += GAP;
  }
  return svg({ width: WIDTH, height: y, label: title }, [
    `<text class="title" x="10" y="20">${escaped(title)}</text>`,
    ...lines,
  ]);
}

function bar(row: Row, share: number, { left, y }: { left: number; y: number }): string {
  const length = share * (WIDTH - left - RIGHT);
  const fill = row.peer ? COLOURS.orange : (COLOUR_OF[row.form] ?? COLOURS.grey);
  return [
    `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escaped(row.form)}</text>`,
    `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${fill}"/>`,
    `<text x="${(left + length + 6).toFixed(1)}" y="${y + 13}">${seconds(timeOf(row))}</text>`,
  ].join("\n");
}

function timeOf({ roundsS }: Row): number {
  return median(roundsS);
}
