/** How cost grows, as one small line chart an axis. Same input, same text. */
import { AXES, type Axis, extent, type GrowthRow, timeOf } from "./growth.js";
import { seconds } from "./report.js";
import { COLOURS, escaped, svg } from "./svg.js";

const COLUMNS = 3;
const PANEL = { width: 266, height: 200 };
const TOP = 34;
/** Margins between a panel and the plot inside it, in pixels. */
const INSET = { left: 32, right: 30, top: 44, bottom: 34 };
/** Closer labels would lie on each other. */
const LABEL_SPACING = 44;

/** What each axis is measured on. */
const HEADINGS: Record<Axis, string> = {
  "pixels a side": "a step, by pixels (their side)",
  steps: "a picture, by steps",
  pictures: "a step, by pictures in one request",
  ControlNets: "a step, by ControlNets",
  threads: "a step, by threads",
};

/** Seconds over what is asked for. A dashed line shows growth in proportion to the first point. */
export function growthChart(rows: GrowthRow[], title: string): string {
  const panels = AXES.map((axis) => rows.filter((row) => row.axis === axis)).filter((points) => points.length > 0);
  const drawn = panels.map((points, i) => {
    const [x, y] = [(i % COLUMNS) * PANEL.width, TOP + Math.floor(i / COLUMNS) * PANEL.height];
    return `<g transform="translate(${x} ${y})">\n${panel(points)}\n</g>`;
  });
  const height = TOP + Math.ceil(panels.length / COLUMNS) * PANEL.height;
  const heading = `<text class="title" x="10" y="20">${escaped(title)}</text>`;
  return svg({ width: COLUMNS * PANEL.width, height, label: title }, [heading, ...drawn]);
}

function panel(points: GrowthRow[]): string {
  const right = PANEL.width - INSET.right;
  const bottom = PANEL.height - INSET.bottom;
  const farthest = Math.max(...points.map(extent));
  const slowest = Math.max(...points.map(timeOf));
  const xOf = (amount: number) => INSET.left + (amount / farthest) * (right - INSET.left);
  const yOf = (time: number) => bottom - (time / slowest) * (bottom - INSET.top);
  const places = points.map((point) => ({ point, x: xOf(extent(point)), y: yOf(timeOf(point)) }));
  const line = places.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return [
    `<text x="10" y="16">${escaped(HEADINGS[points[0]!.axis])}</text>`,
    `<path d="M${INSET.left} ${bottom}H${right}" stroke="${COLOURS.grey}"/>`,
    proportion(points[0]!, { farthest, slowest, xOf, yOf }),
    `<polyline points="${line}" fill="none" stroke="${COLOURS.blue}" stroke-width="2"/>`,
    ...places.map(({ x, y }) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5" fill="${COLOURS.blue}"/>`),
    ...withRoom(places).flatMap(({ point, x, y }) => [
      label(x, bottom + 16, String(point.value)),
      label(x, y - 8, seconds(timeOf(point))),
    ]),
  ].join("\n");
}

/** The places whose labels have room, chosen from the last point down, because it is the one to read. */
function withRoom<T extends { x: number }>(places: T[]): T[] {
  const shown: T[] = [];
  for (const place of places.toReversed()) {
    const last = shown.at(-1);
    if (!last || last.x - place.x >= LABEL_SPACING) shown.push(place);
  }
  return shown;
}

function label(x: number, y: number, text: string): string {
  return `<text class="small" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="middle">${text}</text>`;
}

interface Scales {
  farthest: number;
  slowest: number;
  xOf: (amount: number) => number;
  yOf: (time: number) => number;
}

/** The line of proportion, from the origin through the first point to the edge of the plot; none for threads, of which more should cost less. */
function proportion(first: GrowthRow, { farthest, slowest, xOf, yOf }: Scales): string {
  if (first.axis === "threads" || extent(first) === 0) return "";
  const slope = timeOf(first) / extent(first);
  const end = Math.min(farthest, slowest / slope);
  const [x, y] = [xOf(end).toFixed(1), yOf(slope * end).toFixed(1)];
  return `<path d="M${xOf(0).toFixed(1)} ${yOf(0).toFixed(1)}L${x} ${y}" stroke="${COLOURS.grey}" stroke-dasharray="4 3"/>`;
}
