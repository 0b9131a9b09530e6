/** The process in which strangers' pictures are decoded, one at a time: what crashes or hangs it costs one picture. */
import { writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { toWireError } from "@armature/core";
import { sharp } from "../sharp.js";
import { decodePixels } from "./decode-pixels.js";
import { ANSWERS_FD, type DecodeOrder, messageReader, writeMessage } from "./messages.js";

/** Bytes of pixels after which memory is given back: a process without work collects no garbage, and kept 230 MB. */
const COLLECTED_BYTES = 16_000_000;
let answered = 0;

const answers = new Socket({ fd: ANSWERS_FD, readable: false, writable: true });
answers.on("error", end);

process.stdin.on(
  "data",
  messageReader<DecodeOrder>(async ({ header, threads }, file) => {
    try {
      sharp.concurrency(threads);
      const { image, warning } = await decodePixels(file, header);
      const { data, width, height } = image;
      writeMessage(answers, { type: "decoded", width, height, warning }, data);
      answered += data.length;
      if (answered > COLLECTED_BYTES) answers.write("", collect);
    } catch (error) {
      writeMessage(answers, { type: "failed", error: toWireError(error) });
    }
  }),
);
process.stdin.on("end", end).on("error", end);

// A signal to the whole group reaches this process too, while the service still waits for a picture.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
// Where memory runs out, Linux is to end this process and not the service.
await writeFile("/proc/self/oom_score_adj", "1000").catch(() => {});
writeMessage(answers, { type: "ready" });

function collect(): void {
  answered = 0;
  setImmediate(() => globalThis.gc?.());
}

/** The service is gone, or lets go of this process. `exit` would wait for a decoder that hangs. */
function end(): void {
  process.kill(process.pid, "SIGKILL");
}
