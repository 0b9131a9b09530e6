/** The result of a load test as one HTML page that needs nothing else: claims, figures, and charts over time. */
import { megabytes } from "@armature/core";
import type { Claim } from "./claim.js";
import type { MemoryVerdict } from "./memory-verdict.js";
import type { Sample, Samples } from "./sample-services.js";

/** What k6 says of a metric; see `handleSummary`. */
interface K6Metric {
  type: string;
  values: Record<string, number>;
  thresholds?: Record<string, { ok: boolean }>;
}

export interface K6Summary {
  metrics: Record<string, K6Metric>;
}

export interface LoadTestResult {
  scenario: string;
  date: string;
  machine: string;
  /** Settings that the rates were derived from. */
  settings: Record<string, string>;
  exitCode: number;
  k6: K6Summary;
  /** What k6 could not judge. */
  claims: Claim[];
  memory: Record<string, MemoryVerdict>;
  /** Most jobs seen waiting at once in one service. */
  waitingMost: number;
  mayWait: number;
  samples: Samples;
}

const STYLE = `body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem; text-align: left; border-bottom: 1px solid #ddd }
.no { color: #b00020; font-weight: bold } .ok { color: #1b7f3b } svg { width: 100%; height: 9rem; background: #f7f7f7 }`;

export function htmlReport(result: LoadTestResult): string {
  const { scenario, date, machine, settings, exitCode, k6, claims, memory, samples } = result;
  const verdict = exitCode === 0 ? '<span class="ok">passed</span>' : '<span class="no">failed</span>';
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${scenario}</title><style>${STYLE}</style>
<h1>Load test ${scenario}: ${verdict}</h1>
<p>${escaped(date)}, ${escaped(machine)}</p>
${table(["setting", "value"], Object.entries(settings))}
<h2>Claims</h2>
${table(["", "metric", "claim", "found"], [...k6ClaimRows(k6), ...claimRows(claims)])}
<h2>Memory of the services' processes</h2>
${table(["service", "warm", "at the end", "peak", ""], memoryRows(memory))}
<p>At most ${result.waitingMost} jobs waited at once, of ${result.mayWait} that may.</p>
${Object.entries(samples)
  .map(([name, series]) => charts(name, series))
  .join("\n")}
<h2>Figures</h2>
${table(["metric", "values"], figureRows(k6))}
</html>
`;
}

const claimRows = (claims: readonly Claim[]): string[][] =>
  claims.map(({ metric, claim, found, ok }) => [ok ? "ok" : "no", metric, claim, figure(found)]);

function k6ClaimRows({ metrics }: K6Summary): string[][] {
  return Object.entries(metrics).flatMap(([metric, { thresholds = {}, values }]) =>
    Object.entries(thresholds).map(([claim, { ok }]) => [
      ok ? "ok" : "no",
      metric,
      claim,
      figure(values[claim.split(/[<>=!]/)[0]!.trim()] ?? 0),
    ]),
  );
}

function memoryRows(memory: Record<string, MemoryVerdict>): string[][] {
  return Object.entries(memory).map(([name, { warm, end, peak, flat }]) => [
    name,
    ...[warm, end, peak].map((bytes) => megabytes(bytes)),
    flat === undefined ? "too short to tell" : flat ? "ok" : "no",
  ]);
}

function figureRows({ metrics }: K6Summary): string[][] {
  return Object.entries(metrics).map(([name, { values }]) => [
    name,
    Object.entries(values)
      .map(([statistic, value]) => `${statistic} ${figure(value)}`)
      .join(", "),
  ]);
}

function charts(name: string, series: readonly Sample[]): string {
  const rate = series.map(({ atS, completed }, i) => {
    const before = series[Math.max(0, i - RATE_SAMPLES)]!;
    return { atS, value: atS > before.atS ? (completed - before.completed) / (atS - before.atS) : 0 };
  });
  return [
    chart(
      `${name}: memory, MB`,
      series.map(({ atS, memoryBytes }) => ({ atS, value: memoryBytes / 1e6 })),
    ),
    chart(
      `${name}: jobs that wait`,
      series.map(({ atS, waiting }) => ({ atS, value: waiting })),
    ),
    chart(`${name}: jobs completed a second`, rate),
  ].join("\n");
}

/** Samples over which a rate is taken. */
const RATE_SAMPLES = 10;

const WIDTH = 1000;
const HEIGHT = 150;

function chart(title: string, points: readonly { atS: number; value: number }[]): string {
  const lastS = Math.max(1, points.at(-1)?.atS ?? 0);
  const top = Math.max(1e-9, ...points.map(({ value }) => value));
  const at = ({ atS, value }: { atS: number; value: number }) =>
    `${((atS / lastS) * WIDTH).toFixed(1)},${(HEIGHT - (value / top) * (HEIGHT - 10)).toFixed(1)}`;
  return `<p>${escaped(title)}: up to ${figure(top)}, over ${figure(lastS)} s</p>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none"><polyline points="${points.map(at).join(" ")}"
fill="none" stroke="#2a6fb0" stroke-width="2" vector-effect="non-scaling-stroke"/></svg>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => `<td${text === "ok" || text === "no" ? ` class="${text}"` : ""}>${escaped(text)}</td>`;
  const body = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n");
  return `<table><tr>${head.map((text) => `<th>${escaped(text)}</th>`).join("")}</tr>\n${body}</table>`;
}

const figure = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(2));

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
