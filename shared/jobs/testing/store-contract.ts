/** What every `JobStore` must do. */
import { describe, expect, test } from "vitest";
import type { JobSpec } from "../job.js";
import type { JobStore } from "../store.js";

const SPEC: JobSpec = { kind: "test", input: { steps: 3, seeds: [1, 2] }, cost: 2.5, client: "one", priority: -1 };

export function storeContract(name: string, open: () => JobStore | Promise<JobStore>): void {
  describe(name, () => {
    test("a job is kept as JSON, queued at first", async () => {
      const store = await open();
      const asked = { ...SPEC, input: { steps: 3, seeds: [1, 2], left: undefined }, deadlineMs: undefined };
      expect(await store.create("a", asked)).toEqual({ id: "a", spec: SPEC, state: "queued" });
      asked.input.seeds.push(3);
      expect(await store.get("a")).toEqual({ id: "a", spec: SPEC, state: "queued" });
      expect(await store.events("a", 0)).toEqual([{ id: 1, event: "queued", data: {} }]);
    });

    test("events count up from 1 per job, and can be read from any on", async () => {
      const store = await open();
      for (const id of ["a", "b"]) await store.create(id, SPEC);
      await store.append("a", { event: "started", data: { queueMs: 1, waitedMs: 2 } });
      await store.append("b", { event: "cancelled", data: {} });
      expect(await store.append("a", { event: "progress", data: { step: 1 } })).toMatchObject({ id: 3 });
      expect((await store.events("a", 0)).map(({ id, event }) => [id, event])).toEqual([
        ...[
          [1, "queued"],
          [2, "started"],
          [3, "progress"],
        ],
      ]);
      expect(await store.events("a", 2)).toEqual([{ id: 3, event: "progress", data: { step: 1 } }]);
      expect(await store.events("a", 3)).toEqual([]);
      expect((await store.events("b", 1)).map(({ id }) => id)).toEqual([2]);
    });

    test("appends keep the order of their calls", async () => {
      const store = await open();
      await store.create("a", SPEC);
      await Promise.all([1, 2, 3, 4].map((step) => store.append("a", { event: "progress", data: step })));
      expect((await store.events("a", 1)).map(({ data }) => data)).toEqual([1, 2, 3, 4]);
    });

    test.each([
      [{ event: "completed", data: { done: true } }, "completed"],
      [{ event: "failed", data: { message: "no", fields: {} } }, "failed"],
      [{ event: "cancelled", data: {} }, "cancelled"],
    ] as const)("the state follows the events, and nothing follows %o", async (last, state) => {
      const store = await open();
      await store.create("a", SPEC);
      await store.append("a", { event: "started", data: { queueMs: 0, waitedMs: 0 } });
      await store.append("a", { event: "output", data: {} });
      expect(await store.get("a")).toMatchObject({ state: "running" });
      await store.append("a", last);
      expect(await store.get("a")).toMatchObject({ state });
      await expect(store.append("a", { event: "progress", data: 1 })).rejects.toThrow(`has ended: it is ${state}`);
    });

    test("a deleted job is unknown, with its events", async () => {
      const store = await open();
      await store.create("a", SPEC);
      await store.delete("a");
      await store.delete("a");
      expect([await store.get("a"), await store.events("a", 0)]).toEqual([undefined, []]);
      await expect(store.append("a", { event: "cancelled", data: {} })).rejects.toThrow("no job a");
    });
  });
}
