/** k6's handleSummary: one table of the claims, and everything as JSON where SUMMARY says. */

/** Called by k6 at the end of a run. */
export function handleSummary(data) {
  const rows = claims(data).map(({ metric, claim, ok, found }) =>
    [ok ? "  ok  " : "  NO  ", metric.padEnd(36), claim.padEnd(16), round(found)].join(" "),
  );
  const counts = Object.entries(data.metrics)
    .filter(([name, { type }]) => COUNTED.includes(name) && type === "counter")
    .map(([name, { values }]) => `${values.count} ${name.replace("_", " ")}`);
  const table = `\n${rows.join("\n")}\n\n  ${counts.join(", ")}\n`;
  return { stdout: table, ...(__ENV.SUMMARY ? { [__ENV.SUMMARY]: JSON.stringify(data) } : {}) };
}

/** The claims, each with what was measured and whether it holds. */
function claims({ metrics }) {
  return Object.entries(metrics).flatMap(([metric, { thresholds = {}, values }]) =>
    Object.entries(thresholds).map(([claim, { ok }]) => ({
      metric,
      claim,
      ok,
      found: values[statisticOf(claim)] ?? 0,
    })),
  );
}

const COUNTED = ["pictures", "control_images", "refused", "lost", "http_reqs"];

/** `p(95)` of `p(95)<100`. */
const statisticOf = (claim) => claim.split(/[<>=!]/)[0].trim();

const round = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1));
