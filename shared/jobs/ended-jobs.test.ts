/** How long the result of a job can be read after its end. */
import { Cancelled } from "@armature/core";
import { expect, test } from "vitest";
import { settled } from "../../testing/fake-clock.js";
import { listen } from "../../testing/listen.js";
import { testJobs } from "../../testing/test-jobs.js";
import { blobName } from "./blobs.js";

test("a detached job can be read again by a client that left before its end, until its result expires", async () => {
  const resultLimits = { maxAgeMs: 60_000, maxJobs: 9, maxBytes: 1_000 };
  const { jobs, blobs, specOf, clock } = testJobs({ resultLimits });
  const picture = Buffer.from("picture");
  const id = await jobs.submit(specOf("a", { detached: true }), [picture]);
  const client = new AbortController();
  const { ended } = listen(jobs.events(id, 0, client.signal));
  await settled();
  client.abort();
  await expect(ended).rejects.toBeInstanceOf(Cancelled);
  await clock.advance(1_000);
  for (const _ of ["first", "second"]) {
    const poll = listen(jobs.events(id));
    await poll.ended;
    expect(poll.names()).toEqual(["2 started", "3 completed"]);
  }
  await clock.advance(59_000);
  expect((await blobs.get(blobName(picture))).toString()).toBe("picture");
  await clock.advance(1_000);
  await expect(listen(jobs.events(id)).ended).rejects.toMatchObject({
    code: "not-found",
    message: `There is no job ${id}, or its result is no longer kept`,
  });
  await expect(blobs.get(blobName(picture))).rejects.toThrow("no blob");
});

test.each([
  ["number", { maxJobs: 2, maxBytes: 1_000 }],
  ["bytes", { maxJobs: 9, maxBytes: 300 }],
])("the oldest results go first where the limit of %s is exceeded", async (_, limits) => {
  const { jobs, store, specOf, clock } = testJobs({ resultLimits: { maxAgeMs: 60_000, ...limits } });
  const ids: string[] = [];
  for (const name of ["a", "b", "c"]) {
    ids.push(await jobs.submit(specOf(name, { detached: true }), [Buffer.alloc(100, name)]));
    await clock.advance(1_000);
  }
  expect(await Promise.all(ids.map(async (id) => (await store.get(id))?.state))).toEqual([
    ...[undefined, "completed", "completed"],
  ]);
});

test("a result that expires while somebody reads it goes with its last follower", async () => {
  const { jobs, store, specOf, clock } = testJobs({ resultLimits: { maxAgeMs: 1_000, maxJobs: 9, maxBytes: 1_000 } });
  const id = await jobs.submit(specOf("a", { detached: true }));
  await clock.advance(1_000);
  const reading = jobs.events(id);
  expect((await reading.next()).value).toMatchObject({ event: "started" });
  await clock.advance(1_000);
  expect((await reading.next()).value).toMatchObject({ event: "completed" });
  await reading.return(undefined);
  expect(await store.get(id)).toBeUndefined();
});
