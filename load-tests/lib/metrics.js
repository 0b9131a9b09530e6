/** What a service says of itself in Prometheus' text format. */
import http from "k6/http";

/** The text of GET /metrics. */
export const metricsOf = (url) => http.get(`${url}/metrics`, { tags: { name: "/metrics" } }).body;

/** Sum of a metric over its labels; 0 if it is absent. */
export function gauge(text, name) {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").pop()), 0);
}

/** Whether no job waits or runs. */
export function isIdle(url) {
  const metrics = metricsOf(url);
  return gauge(metrics, "jobs_running") === 0 && gauge(metrics, "job_queue_depth") === 0;
}
