import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { sizedSessions } from "./sized-sessions.js";

function traced(limit: number) {
  const events: string[] = [];
  const session = sizedSessions({
    sizesOf: ({ x }) => ({ B: x!.dims[0]! }),
    async open({ B }) {
      events.push(`open ${B}`);
      return {
        run: async (feeds) => {
          events.push(`run ${B}`);
          return feeds;
        },
        release: async () => void events.push(`close ${B}`),
      };
    },
    limit,
  });
  const run = (rows: number) => session.run({ x: new Tensor("float32", new Float32Array(rows), [rows]) });
  return { session, run, events };
}

test("each size opens once and is used again", async () => {
  const { run, events } = traced(2);
  for (const rows of [1, 2, 1]) await run(rows);
  expect(events).toEqual(["open 1", "run 1", "open 2", "run 2", "run 1"]);
});

test("the size that was not used for longest is closed before another opens", async () => {
  const { run, events } = traced(2);
  for (const rows of [1, 2, 1, 3]) await run(rows);
  expect(events.slice(-3)).toEqual(["close 2", "open 3", "run 3"]);
});

test("release closes all", async () => {
  const { run, events, session } = traced(3);
  for (const rows of [1, 2]) await run(rows);
  await session.release();
  expect(events.slice(-2)).toEqual(["close 1", "close 2"]);
});
