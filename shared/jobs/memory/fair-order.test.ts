import { expect, test } from "vitest";
import { settled } from "../../../testing/fake-clock.js";
import { testJobs } from "../../../testing/test-jobs.js";

/** Numbers in [0, 1) that are the same each time: Park and Miller's generator. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

test("clients take turns", async () => {
  const { run, started, clock } = testJobs();
  for (const name of ["a1", "a2", "a3", "a4"]) run(name, { client: "a" });
  run("b1", { client: "b" });
  run("c1", { client: "c" });
  run("b2", { client: "b" });
  await clock.advance(10_000);
  expect(started).toEqual(["a1", "a2", "b1", "c1", "a3", "b2", "a4"]);
});

test("no job waits for more starts than twice the queue's length, however many come after it with a turn or a priority", async () => {
  const { run, started, clock } = testJobs({ maxWaiting: 2 });
  run("running");
  for (const name of ["a1", "a2"]) run(name, { client: "a" });
  for (let second = 0; second < 8; second++) {
    await clock.advance(1_000);
    run(`urgent ${second}`, { client: `${second}`, priority: 1 });
  }
  await clock.advance(10_000);
  // a2 is the fourth to start after it came, though an urgent job waits each time
  expect(started.slice(0, 6)).toEqual(["running", "a1", "urgent 0", "urgent 1", "a2", "urgent 2"]);
});

test("accepted jobs of any clients and priorities start within twice the queue's length", async () => {
  const maxWaiting = 6;
  const random = seeded(3);
  const { run, started, clock } = testJobs({ maxWaiting });
  const startsBefore = new Map<string, number>();
  for (let i = 0; i < 2_000; i++) {
    const client = random() < 0.5 ? "busy" : `client ${Math.floor(random() * 20)}`;
    startsBefore.set(`${i}`, started.length);
    run(`${i}`, { client, priority: Math.floor(random() * 3) }).catch(() => startsBefore.delete(`${i}`));
    await settled();
    if (random() < 0.5) await clock.advance(1_000);
  }
  await clock.advance(10_000);
  const waits = [...startsBefore].map(([name, before]) => started.indexOf(name) - before);
  expect(waits.length).toBeGreaterThan(900);
  expect(waits.every((wait) => wait >= 0)).toBe(true);
  expect(Math.max(...waits)).toBe(2 * maxWaiting - 1);
});

test("a greater priority goes first, and within one clients take turns", async () => {
  const { run, started, clock } = testJobs();
  run("first");
  run("low", { priority: -1 });
  run("a1", { client: "a" });
  run("a2", { client: "a" });
  run("b1", { client: "b" });
  run("high", { client: "a", priority: 5 });
  await clock.advance(10_000);
  expect(started).toEqual(["first", "high", "a1", "b1", "a2", "low"]);
});
