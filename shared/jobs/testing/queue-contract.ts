/** What every `Queue` must do. */
import type { Clock } from "@armature/core";
import { describe, expect, test } from "vitest";
import { DeadlineExceeded, QueueFull } from "../errors.js";
import type { Queue, QueueEntry, QueueLimits } from "../queue.js";

type OpenQueue = (options: QueueLimits & { clock: Clock }) => Queue | Promise<Queue>;

export function queueContract(name: string, open: OpenQueue): void {
  let nowMs = 0;
  const clock: Clock = { nowMs: () => nowMs, after: () => () => {} };
  const opened = (limits: Partial<QueueLimits> = {}) =>
    open({ concurrency: 1, maxWaiting: 4, maxWaitingCost: 100, clock, ...limits });
  const entry = (id: string, about: Partial<QueueEntry> = {}): QueueEntry => {
    return { id, cost: 1, client: "one", priority: 0, ready: true, ...about };
  };

  /** Takes all in turn, each ending before the next starts. */
  async function order(queue: Queue): Promise<string[]> {
    const ids: string[] = [];
    for (let id = await queue.take(); id !== undefined; id = await queue.take()) {
      ids.push(id);
      await queue.done(id, "completed");
    }
    return ids;
  }

  describe(name, () => {
    test("a taken job has its slot until it is done", async () => {
      const queue = await opened({ concurrency: 2 });
      for (const id of ["a", "b", "c"]) await queue.add(entry(id));
      expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(["a", "b", undefined]);
      expect(await queue.snapshot()).toMatchObject({ waiting: 1, waitingCost: 1, running: 2 });
      await queue.done("a", "failed");
      expect(await queue.take()).toBe("c");
    });

    test("a greater priority goes first, then clients take turns, then the first to come", async () => {
      const queue = await opened({ maxWaiting: 6 });
      for (const id of ["a1", "a2"]) await queue.add(entry(id, { client: "a" }));
      await queue.add(entry("b1", { client: "b" }));
      await queue.add(entry("urgent", { client: "a", priority: 1 }));
      expect(await queue.position("b1")).toMatchObject({ position: 3 });
      expect(await order(queue)).toEqual(["urgent", "a1", "b1", "a2"]);
    });

    test("a job that is not ready is passed over and keeps its place", async () => {
      const queue = await opened({ maxWaiting: 6 });
      await queue.add(entry("slow", { ready: false }));
      await queue.add(entry("quick", { client: "two" }));
      await queue.add(entry("behind", { client: "two" }));
      expect(await queue.position("slow")).toMatchObject({ position: 1 });
      expect(await queue.take()).toBe("quick");
      expect(await queue.position("slow")).toMatchObject({ position: 1 });
      await queue.ready("slow");
      expect(await queue.take()).toBeUndefined();
      await queue.done("quick", "completed");
      expect(await order(queue)).toEqual(["slow", "behind"]);
    });

    test("jobs that are not ready fill a room of their own, and keep no ready one from the queue or a slot", async () => {
      const queue = await opened({ maxWaiting: 2 });
      for (const id of ["a", "b"]) await queue.add(entry(id, { ready: false, cost: 50 }));
      await expect(queue.add(entry("c", { ready: false }))).rejects.toBeInstanceOf(QueueFull);
      await queue.add(entry("ready", { client: "two", deadlineMs: 1 }));
      expect(await queue.take()).toBe("ready");
      for (const id of ["d", "e"]) await queue.add(entry(id, { client: "two", cost: 50 }));
      await expect(queue.add(entry("f", { client: "three" }))).rejects.toBeInstanceOf(QueueFull);
      await expect(queue.add(entry("g", { client: "one", ready: false }))).rejects.toBeInstanceOf(QueueFull);
    });

    test("a packed job starts when it is unpacked; no more than the limit are unpacked ahead, in the order of their turns", async () => {
      const queue = await opened({ unpackedAhead: 2, maxWaiting: 6 });
      const packed = (id: string, about: Partial<QueueEntry> = {}) => queue.add(entry(id, { packed: true, ...about }));
      await packed("slow", { ready: false });
      for (const id of ["a", "b", "c"]) await packed(id);
      await packed("other's", { client: "two" });
      expect(await queue.take()).toBeUndefined();
      const near = [await queue.nextToUnpack(), await queue.nextToUnpack()];
      expect([near, await queue.nextToUnpack()]).toEqual([["a", "other's"], undefined]);
      await queue.unpacked("other's");
      await queue.unpacked("unknown");
      expect(await queue.snapshot()).toMatchObject({ waiting: 5 });
      expect(await queue.take()).toBe("other's");
      expect([await queue.nextToUnpack(), await queue.nextToUnpack()]).toEqual(["b", undefined]);
      await queue.remove("a");
      expect(await queue.nextToUnpack()).toBe("c");
      await queue.done("other's", "completed");
      expect(await queue.take()).toBeUndefined();
    });

    test("what is not ready adds nothing to the wait of others, and what costs nothing is not measured", async () => {
      const queue = await opened({ secondsPerCost: 2 });
      await queue.add(entry("running", { cost: 5 }));
      await queue.take();
      await queue.add(entry("slow", { ready: false, cost: 40 }));
      expect(await queue.snapshot()).toMatchObject({ waiting: 1, estimatedWaitS: 10 });
      await queue.add(entry("urgent", { client: "two", deadlineMs: 10_000 }));
      await queue.remove("urgent");
      await queue.done("running", "cancelled");
      await queue.add(entry("loading", { cost: 0 }));
      await queue.take();
      nowMs += 60_000;
      await queue.done("loading", "completed");
      expect((await queue.snapshot()).secondsPerCost).toBe(2);
    });

    test("nothing waits beyond the limits of count, cost and client, but a big job alone; the refusal names the limit", async () => {
      const queue = await opened({ maxWaiting: 3, maxWaitingPerClient: 2 });
      await queue.add(entry("running"));
      await queue.take();
      await queue.add(entry("big", { cost: 5_000 }));
      const refused = async (added: Promise<void>, limit: string) => {
        const error = await added.catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(QueueFull);
        expect((error as Error).message).toContain(limit);
      };
      await refused(queue.add(entry("small")), "work of 5000 waits, and this request's 1 would exceed the 100");
      await queue.remove("big");
      for (const id of ["a", "b"]) await queue.add(entry(id));
      await refused(queue.add(entry("c")), "Your address is at its limit: 2 of its requests wait");
      await queue.add(entry("other", { client: "two" }));
      await refused(
        queue.add(entry("third", { client: "three" })),
        "The queue is full: 3 requests wait, as many as may",
      );
      expect(await queue.snapshot()).toMatchObject({ waiting: 3, running: 1 });
    });

    test("what was measured tells when to retry, and whether a job would be late", async () => {
      const queue = await opened({ maxWaiting: 2 });
      await queue.add(entry("measured", { cost: 10 }));
      await queue.take();
      nowMs += 5_000;
      await queue.done("measured", "completed");
      expect(await queue.snapshot()).toMatchObject({ secondsPerCost: 0.5, estimatedWaitS: 0 });
      await queue.add(entry("running", { cost: 20 }));
      await queue.take();
      await expect(queue.add(entry("late", { deadlineMs: 9_999 }))).rejects.toBeInstanceOf(DeadlineExceeded);
      await queue.add(entry("waiting", { cost: 30, deadlineMs: 10_000 }));
      await queue.add(entry("waiting too", { cost: 7 }));
      expect(await queue.position("waiting too")).toEqual({ position: 2, estimatedStartS: 25 });
      nowMs += 4_000;
      const refusal = await queue.add(entry("too much")).catch((error) => error);
      expect(refusal).toMatchObject({ code: "queue-full", retryAfterS: 25 }); // (10 - 4) + 15 + 3.5, in whole seconds
    });

    test("only completed jobs are measured", async () => {
      const queue = await opened();
      for (const outcome of ["failed", "cancelled"] as const) {
        await queue.add(entry(outcome));
        await queue.take();
        await queue.done(outcome, outcome);
      }
      expect((await queue.snapshot()).secondsPerCost).toBeUndefined();
    });

    test("a job that waits can be taken out, one that runs or is unknown cannot", async () => {
      const queue = await opened();
      for (const id of ["running", "waiting"]) await queue.add(entry(id));
      await queue.take();
      expect([await queue.remove("running"), await queue.remove("unknown"), await queue.remove("waiting")]).toEqual([
        ...[false, false, true],
      ]);
      expect(await queue.position("waiting")).toBeUndefined();
      await queue.done("unknown", "completed");
      await queue.ready("waiting");
      await queue.done("running", "completed");
      expect(await queue.take()).toBeUndefined();
    });

    test("listeners hear of every change", async () => {
      const queue = await opened();
      let changes = 0;
      queue.onChange(() => changes++);
      const heard = async (work: () => Promise<unknown>) => {
        const before = changes;
        await work();
        return changes > before;
      };
      expect(await heard(() => queue.add(entry("a", { ready: false })))).toBe(true);
      expect(await heard(() => queue.ready("a"))).toBe(true);
      expect(await heard(() => queue.take())).toBe(true);
      await queue.add(entry("b", { packed: true }));
      await queue.nextToUnpack();
      expect(await heard(() => queue.unpacked("b"))).toBe(true);
      await queue.remove("b");
      expect(await heard(() => queue.done("a", "completed"))).toBe(true);
      expect(await heard(() => queue.take())).toBe(false);
    });
  });
}
