/** An SVG of the images' layers beside their budgets, for the README. */
import { LAYERS, type Layer } from "../container/layers.js";
import type { BudgetFile } from "./budget-file.js";
import { codeSize, type Measurement } from "./measurement.js";
import { megabytes } from "./report.js";

/** Told apart by people with any colour vision (Okabe and Ito), on white and on black. */
const COLOURS: Record<Layer, string> = {
  base: "#999999",
  node: "#009E73",
  dependencies: "#0072B2",
  weights: "#CC79A7",
  app: "#E69F00",
};

const WIDTH = 800;
const LEFT = 170;
const RIGHT = 150;
const TOP = 34;
const ROW = 42;
const BAR = 22;
const NARROWEST_LABEL = 44;

/** One bar per image, from the base to the code's own; the weights come last, the budget of the code is a line. Same input, same text. */
export function sizeChart(measurements: Measurement[], budget: BudgetFile): string {
  const limitOf = ({ image }: Measurement) => (budget.images[image]?.code.unpackedMB ?? 0) * 1e6;
  const longest = Math.max(...measurements.flatMap((m) => [limitOf(m), totalBytes(m)]));
  const scale = (WIDTH - LEFT - RIGHT) / longest;
  const bars = measurements.map((m, i) => imageBar(m, limitOf(m), TOP + i * ROW, scale));
  const height = TOP + measurements.length * ROW + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13" role="img" aria-label="Sizes of the images, layer by layer">
<style>text{fill:#57606a}.in{fill:#fff;font-size:11px}</style>
${legend()}
${bars.join("\n")}
</svg>
`;
}

function imageBar(measurement: Measurement, limit: number, y: number, scale: number): string {
  const { image, layers } = measurement;
  const parts: string[] = [];
  let x = LEFT;
  for (const layer of inChartOrder()) {
    const width = layers[layer].unpacked * scale;
    if (width > 0)
      parts.push(
        `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOURS[layer]}"/>`,
      );
    if (width >= NARROWEST_LABEL) {
      parts.push(
        `<text class="in" x="${(x + 5).toFixed(1)}" y="${y + 15}">${megabytes(layers[layer].unpacked)}</text>`,
      );
    }
    x += width;
  }
  const mark = (LEFT + limit * scale).toFixed(1);
  const code = `${megabytes(codeSize(layers).unpacked)} of ${(limit / 1e6).toFixed(0)} MB code`;
  return [
    `<text x="${LEFT - 10}" y="${y + 15}" text-anchor="end">${image}</text>`,
    ...parts,
    `<path d="M${mark} ${y - 4}v${BAR + 8}" stroke="#D55E00" stroke-width="2"/>`,
    `<text x="${(Math.max(x, Number(mark)) + 8).toFixed(1)}" y="${y + 15}">${code}</text>`,
  ].join("\n");
}

function legend(): string {
  return inChartOrder()
    .map((layer, i) => {
      const x = LEFT + i * 112;
      return `<rect x="${x}" y="8" width="12" height="12" fill="${COLOURS[layer]}"/><text x="${x + 17}" y="18">${layer}</text>`;
    })
    .join("\n");
}

/** The weights last, so that the code's length meets its budget line. */
function inChartOrder(): Layer[] {
  return [...LAYERS.filter((layer) => layer !== "weights"), "weights"];
}

function totalBytes({ layers }: Measurement): number {
  return Object.values(layers).reduce((sum, { unpacked }) => sum + unpacked, 0);
}
