/** Clients of the preprocessor's POST /image/{processor}. */
import { sleep } from "k6";
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { countWrong, digest, retryAfterS } from "./answers.js";
import { PHOTOS } from "./pictures.js";
import { PREPROCESSOR } from "./target.js";

const annotations = new Counter("control_images");
const annotationDuration = new Trend("control_image_duration", true);

/** Paths and photographs, each with an answer of its own. */
export const ANNOTATIONS = [
  { path: "/image/canny", photo: "cone" },
  { path: "/image/canny?low_threshold=50&high_threshold=150", photo: "sphere" },
  { path: "/image/depth_midas", photo: "cone" },
  { path: "/image/depth_midas", photo: "sphere" },
];

/** Digests of all control images, made one after the other, by path and photograph. */
export function referenceAnnotations() {
  const references = {};
  for (const wanted of ANNOTATIONS) {
    const response = send(wanted);
    if (response.status !== 200) throw new Error(`no reference for ${wanted.path}: ${response.status}`);
    references[key(wanted)] = digest(response.body);
  }
  return references;
}

/** Asks until the control image comes, `attempts` times at most, each time after the seconds that it was told. True if it came. */
export function annotate(wanted, references, { attempts = 2, mayLose = false } = {}) {
  for (let attempt = 1; ; attempt++) {
    const response = send(wanted);
    const waitS = retryAfterS(response, { mayLose });
    if (response.status === 200) receive(response, wanted, references);
    if (waitS === 0 || attempt >= attempts) return response.status === 200;
    sleep(waitS);
  }
}

function receive(response, wanted, references) {
  annotations.add(1);
  annotationDuration.add(response.timings.duration);
  if (response.headers["Content-Type"] !== "image/webp") countWrong(wanted.path, response.headers["Content-Type"]);
  if (digest(response.body) !== references[key(wanted)]) countWrong(key(wanted), "not the picture that was made alone");
}

const key = ({ path, photo }) => `${path} ${photo}`;

function send({ path, photo }) {
  return http.post(`${PREPROCESSOR}${path}`, PHOTOS[photo], {
    headers: { "Content-Type": "image/png" },
    responseType: "binary",
    timeout: "120s",
    tags: { name: path },
  });
}
