/** Requests that are wrong in one way each, and the answer that is declared for it. */
import http from "k6/http";
import { countWrong } from "./answers.js";
import { DIFFUSION, PREPROCESSOR } from "./target.js";

const JSON_TYPE = { "Content-Type": "application/json" };

const generate = (fields) => ({
  method: "POST",
  url: `${DIFFUSION}/generate`,
  body: JSON.stringify({ prompt: "a red sphere", ...fields }),
  headers: JSON_TYPE,
});

const BAD_REQUESTS = [
  { status: 400, ...generate({}), body: '{"prompt": "a red' },
  { status: 404, method: "GET", url: `${DIFFUSION}/../etc/passwd` },
  { status: 405, method: "DELETE", url: `${DIFFUSION}/generate` },
  { status: 406, ...generate({}), headers: { ...JSON_TYPE, Accept: "video/mp4" } },
  { status: 413, ...generate({ prompt: "x".repeat(11 * 2 ** 20) }) },
  { status: 415, ...generate({}), headers: { "Content-Type": "text/plain" } },
  { status: 422, ...generate({ prompt: undefined }) },
  { status: 422, ...generate({ num_inference_steps: 1e9 }) },
  { status: 422, ...generate({ width: 1_000_000, height: 1_000_000 }) },
  { status: 422, ...generate({ sampler: "euler" }) },
  { status: 422, ...generate({ model: "../../etc" }) },
  { status: 422, ...generate({ controlnets: [{ type: "__proto__", image: "AAAA" }] }) },
  { status: 422, ...generate({ controlnets: [{ type: "depth", image: "bm8gcGljdHVyZQ==", preprocessor: "none" }] }) },
  {
    status: 422,
    ...generate({ controlnets: [{ type: "depth", image: "http://169.254.169.254/", preprocessor: "none" }] }),
  },
  {
    status: 404,
    method: "POST",
    url: `${PREPROCESSOR}/image/nothing`,
    body: "x",
    headers: { "Content-Type": "image/png" },
  },
  {
    status: 422,
    method: "POST",
    url: `${PREPROCESSOR}/image/canny`,
    body: "x",
    headers: { "Content-Type": "image/png" },
  },
];

/** Sends the `n`th wrong request, going round: the declared status must come, as a problem that says what was wrong. */
export function sendBadRequest(n) {
  const { method, url, body, headers, status } = BAD_REQUESTS[n % BAD_REQUESTS.length];
  const response = http.request(method, url, body ?? null, { headers, tags: { name: "bad request" } });
  const what = `${method} ${url} ${(body ?? "").slice(0, 120)}`;
  if (response.status === 429 && status === 422) return; // refused before anyone looked at the picture
  if (response.status !== status) countWrong(what, `status ${response.status}, wanted ${status}: ${response.body}`);
  else if (!/^application\/problem\+json/.test(response.headers["Content-Type"])) {
    countWrong(what, response.headers["Content-Type"]);
  }
}

/** How many kinds there are. */
export const BAD_REQUEST_KINDS = BAD_REQUESTS.length;
