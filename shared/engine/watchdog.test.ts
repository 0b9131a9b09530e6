import { expect, test } from "vitest";
import { Watchdog } from "./watchdog.js";

const SILENT = 10_000;

/** A process that beats each second; `worked` is what it has computed by then, in milliseconds, per second. */
function live(dog: Watchdog, seconds: number, worked = 0): string | undefined {
  let cpuMs = 1e6;
  for (let i = 0; i < seconds; i++) {
    cpuMs += worked;
    dog.beat({ cpuMs, waitedMs: 0, transfers: 0 });
    const hang = dog.pass(1000);
    if (hang !== undefined) return hang;
  }
  return undefined;
}

test("a process without a heartbeat is suspected at half of the time, and hangs at its end", () => {
  const dog = new Watchdog(SILENT);
  expect(dog.pass(1e6)).toBeUndefined(); // it starts: it has not beaten yet
  dog.beat({ cpuMs: 0, waitedMs: 0, transfers: 0 });
  expect(dog.pass(4999)).toBeUndefined();
  expect(dog.suspicion()).toBeUndefined();
  expect(dog.pass(1)).toBeUndefined();
  expect(dog.suspicion()).toBe("its process gives no sign of life");
  expect(dog.pass(5000)).toBe("its process gave no sign of life for 10 s");
});

test("an idle process that beats may wait for ever", () => {
  expect(live(new Watchdog(SILENT), 1000)).toBeUndefined();
});

test("loading that works may take its time; one that does nothing hangs", () => {
  const dog = new Watchdog(SILENT);
  dog.expect("call", { what: "loading", ms: 600_000, idleMs: 60_000 });
  expect(live(dog, 300, 20)).toBeUndefined(); // a fiftieth of a processor
  expect(dog.suspicion()).toBeUndefined();
  expect(live(dog, 31, 0.5)).toBeUndefined();
  expect(dog.suspicion()).toBe("loading computes, reads and writes next to nothing");
  expect(live(dog, 30, 0.5)).toBe("loading computed, read and wrote next to nothing for 60 s");
});

const LOADING = { what: "loading", ms: 1800_000, idleMs: 60_000, leastCpuMs: 30_000, mostCpuMs: 160_000 };

test("loading that takes less than its share of a processor hangs, unless others have the processors", () => {
  const loads = (cpuMs: number, waitedMs = 0) => {
    const dog = new Watchdog(SILENT);
    dog.beat({ cpuMs: 0, waitedMs: 0, transfers: 0 });
    dog.expect("call", LOADING);
    for (let second = 1; second <= 150; second++) {
      dog.beat({ cpuMs: second * cpuMs, waitedMs: second * waitedMs, transfers: 0 });
      const hang = dog.pass(1000);
      if (hang !== undefined) return { hang, second };
      if (cpuMs + waitedMs > 500) expect(dog.suspicion()).toBeUndefined();
    }
    return "loads";
  };
  const hang = "loading computed, read and wrote next to nothing for 60 s";
  expect(loads(6)).toEqual({ hang, second: 60 });
  expect(loads(400)).toEqual({ hang, second: 60 });
  expect(loads(600)).toBe("loads");
  expect(loads(40, 900)).toBe("loads"); // a busy machine
});

test("loading that takes more processor time than its bytes need hangs, however long it takes", () => {
  const dog = new Watchdog(SILENT);
  dog.beat({ cpuMs: 1e6, waitedMs: 0, transfers: 0 });
  dog.expect("call", LOADING);
  expect(live(dog, 159, 1000)).toBeUndefined();
  dog.beat({ cpuMs: 1e6 + 160_000, waitedMs: 0, transfers: 0 });
  expect(dog.pass(1)).toBe("loading took more than 160 s of processor time");
});

test("reading from a disk is work", () => {
  const dog = new Watchdog(SILENT);
  dog.expect("call", { what: "loading", ms: 600_000, idleMs: 5000 });
  for (let i = 0; i < 100; i++) {
    dog.beat({ cpuMs: 1, waitedMs: 0, transfers: i });
    expect(dog.pass(1000)).toBeUndefined();
  }
});

test("each wait has its own end; one that came has none", () => {
  const dog = new Watchdog(SILENT);
  dog.expect("call", { what: "a step", ms: 30_000 });
  expect(live(dog, 20)).toBeUndefined();
  dog.expect("cancellation", { what: "a cancelled call", ms: 15_000 });
  dog.expect("call", { what: "a step", ms: 30_000 });
  expect(live(dog, 14)).toBeUndefined();
  dog.done("cancellation");
  expect(live(dog, 15)).toBeUndefined();
  expect(live(dog, 1)).toBe("a step took more than 30 s");
});
