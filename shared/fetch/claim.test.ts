/** Claims on a file: one process holds it at a time, and nobody waits for a dead one. */
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { claim } from "./claim.js";

const signal = new AbortController().signal;
/** A number above the largest process id that Linux gives. */
const NOBODY = 2 ** 22 + 1;

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "claim-"));
  file = join(dir, "x.part");
});
afterEach(() => rm(dir, { recursive: true }));

test("a second claim waits, hears of it, and gets its turn at the release", async () => {
  const order: string[] = [];
  const first = await claim(file, signal);
  let hears = () => {};
  const heard = new Promise<void>((resolve) => {
    hears = resolve;
  });
  const onWait = () => {
    order.push("waiting");
    hears();
  };
  const second = claim(file, signal, { onWait }).then((owned) => {
    order.push("second");
    return owned;
  });
  await heard;
  await sleep(250); // some more looks at the claim
  order.push("release");
  await first.release();
  await (await second).release();
  expect(order).toEqual(["waiting", "release", "second"]);
  expect(await readdir(dir)).toEqual([]);
});

test.each([
  ["a process that is gone", `${hostname()}\n${NOBODY}\nid\n`],
  ["this process id in an earlier life", `${hostname()}\n${process.pid}\nid\n`],
])("a claim left by %s is taken over at once", async (_who, token) => {
  await writeFile(`${file}.owner`, token);
  const onWait = vi.fn();
  const owned = await claim(file, signal, { onWait, silenceMs: Number.POSITIVE_INFINITY });
  expect(onWait).not.toHaveBeenCalled();
  await owned.release();
});

test("a holder on another machine is believed while it touches its file, and replaced when it is silent", async () => {
  await writeFile(`${file}.owner`, "elsewhere\n1\nid\n");
  let [now, looks, isOurs] = [0, 0, false];
  const nowMs = () => {
    looks++;
    return now;
  };
  /** The waiter has looked at the file as it is, by the clock as it is. */
  const looked = async () => {
    const before = looks;
    await vi.waitUntil(() => looks > before + 2, { timeout: 30_000 });
  };
  const claiming = claim(file, signal, { silenceMs: 700, nowMs }).then((owned) => {
    isOurs = true;
    return owned;
  });
  for (let touch = 1; touch <= 3; touch++) {
    await looked();
    now += 700;
    await looked();
    expect(isOurs).toBe(false);
    await utimes(`${file}.owner`, touch, touch);
  }
  await looked();
  now += 701;
  const owned = await claiming;
  expect((await readFile(`${file}.owner`, "utf8")).startsWith(hostname())).toBe(true);
  await owned.release();
});

test("a process that was replaced notices, and does not remove the other's claim", async () => {
  const owned = await claim(file, signal);
  await writeFile(`${file}.owner`, "elsewhere\n1\nid\n");
  await new Promise((resolve) => owned.lost.addEventListener("abort", resolve));
  await owned.release();
  expect(await readFile(`${file}.owner`, "utf8")).toContain("elsewhere");
});

test("waiting ends when it is aborted", async () => {
  const first = await claim(file, signal);
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("stop")), 50);
  await expect(claim(file, abort.signal)).rejects.toThrow();
  await first.release();
});

test("many at once each get their turn, alone", async () => {
  let inside = 0;
  let most = 0;
  const turn = async () => {
    const owned = await claim(file, signal);
    most = Math.max(most, ++inside);
    await sleep(5);
    inside--;
    await owned.release();
  };
  await Promise.all(Array.from({ length: 8 }, turn));
  expect(most).toBe(1);
});
