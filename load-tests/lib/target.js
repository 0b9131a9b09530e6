/** What is tested and how hard, from the environment that `npm run load-test` sets. Knows no scenario. */

/** The address, if it is this machine's own: a load test that a typing mistake points elsewhere is an attack. */
export function loopback(name, address) {
  if (/^http:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\]):\d+$/.test(address)) return address;
  throw new Error(`${name}: wants an http address of this machine, with its port, found ${address}`);
}

export const DIFFUSION = loopback("DIFFUSION_URL", __ENV.DIFFUSION_URL ?? "http://127.0.0.1:1111");
export const PREPROCESSOR = loopback("PREPROCESSOR_URL", __ENV.PREPROCESSOR_URL ?? "http://127.0.0.1:2222");

/** Seconds that the usual picture takes when nothing else runs. All rates and bounds are multiples of it. */
export const PICTURE_S = positive("PICTURE_S", 0.5);

/** Usual pictures a second. */
export const CAPACITY = 1 / PICTURE_S;

/** The diffusion service's QUEUE_LIMIT: requests that may wait. One more runs. */
export const QUEUE_LIMIT = positive("QUEUE_LIMIT", 16);

/** Requests of one client address that may wait. */
export const QUEUE_LIMIT_PER_CLIENT = positive("QUEUE_LIMIT_PER_CLIENT", 8);

/** How much longer a picture may take under load than alone: k6, both services and their engines share the same cores. */
export const CONTENTION = positive("CONTENTION", 3);

/** Seconds that a full queue and the running job take. */
export const FULL_QUEUE_S = Math.ceil((QUEUE_LIMIT + 1) * PICTURE_S * CONTENTION);

/** The longest that an accepted request may take: others overtake it at most until it has seen twice a full queue's starts. */
export const LONGEST_S = Math.ceil((2 * QUEUE_LIMIT + 1) * PICTURE_S * CONTENTION);

/** A scenario's duration in seconds, multiplied by SCALE. */
export const scaled = (seconds) => Math.max(1, Math.round(seconds * positive("SCALE", 1)));

function positive(name, fallback) {
  const value = Number(__ENV[name] ?? fallback);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`${name}: wants a number above 0, found ${__ENV[name]}`);
}
