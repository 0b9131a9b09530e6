import { expect, test } from "vitest";
import { Watchdog } from "./watchdog.js";

const SILENT = 10_000;

/** A process that beats each second; `worked` is what it has computed by then, in milliseconds, per second. */
function live(dog: Watchdog, seconds: number, worked = 0): string | undefined {
  let cpuMs = 1e6;
  for (let i = 0; i < seconds; i++) {
    cpuMs += worked;
    dog.beat({ cpuMs, transfers: 0 });
    const hang = dog.pass(1000);
    if (hang !== undefined) return hang;
  }
  return undefined;
}

test("a process without a heartbeat is suspected at half of the time, and hangs at its end", () => {
  const dog = new Watchdog(SILENT);
  expect(dog.pass(1e6)).toBeUndefined(); // it starts: it has not beaten yet
  dog.beat({ cpuMs: 0, transfers: 0 });
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
  expect(dog.suspicion()).toBe("loading neither computes, reads nor writes anything");
  expect(live(dog, 30, 0.5)).toBe("loading neither computed, read nor wrote anything for 60 s");
});

test("reading from a disk is work", () => {
  const dog = new Watchdog(SILENT);
  dog.expect("call", { what: "loading", ms: 600_000, idleMs: 5000 });
  for (let i = 0; i < 100; i++) {
    dog.beat({ cpuMs: 1, transfers: i });
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
