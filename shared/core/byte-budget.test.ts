import { expect, test } from "vitest";
import { ByteBudget } from "./byte-budget.js";
import { BudgetFull, Cancelled, OverBudget } from "./errors.js";

const NEVER = new AbortController().signal;
const budget = (perClientBytes?: number) =>
  new ByteBudget({ what: "files", limitBytes: 10e6, ...(perClientBytes && { perClientBytes }) });

test("what is reserved is held until it is released, once", () => {
  const bytes = budget();
  const held = bytes.reserve(4e6);
  held.resize(6e6);
  expect(bytes.heldBytes).toBe(6e6);
  held.release();
  held.release();
  expect(bytes.heldBytes).toBe(0);
});

test("what could never fit and what does not fit now are refused with the sums, and nothing is held of them", () => {
  const bytes = budget();
  expect(() => bytes.reserve(11e6)).toThrow(
    new OverBudget("The request needs 11.0 MB for files; all requests together may hold 10.0 MB"),
  );
  const held = bytes.reserve(7e6);
  const full =
    "No room for files of all requests together: 7.0 MB are held and 4.0 MB more are wanted, of at most 10.0 MB";
  expect(() => bytes.reserve(4e6)).toThrow(new BudgetFull(`${full}; retry in 2 s`, 2));
  expect(() => held.resize(11e6)).toThrow(OverBudget);
  expect([held.bytes, bytes.heldBytes]).toEqual([7e6, 7e6]);
});

test("what is there already is counted beyond the limit, and keeps others out", () => {
  const bytes = budget();
  const made = bytes.hold(11e6);
  expect(() => bytes.reserve(1)).toThrow(BudgetFull);
  made.release();
  bytes.reserve(10e6);
});

test("one client's share does not keep others out", () => {
  const bytes = budget(5e6);
  const held = bytes.reserve(4e6, "a");
  expect(() => bytes.reserve(2e6, "a")).toThrow(/of one client: 4.0 MB are held/);
  expect(() => bytes.reserve(6e6, "a")).toThrow(/one client may hold 5.0 MB/);
  bytes.reserve(5e6, "b");
  held.release();
  bytes.reserve(5e6, "a");
});

test("those who wait are admitted in the order of their coming, as far as there is room", async () => {
  const bytes = budget();
  const first = bytes.reserve(8e6);
  const admitted: string[] = [];
  const come = (name: string, amount: number) =>
    bytes.reserveInTurn(amount, NEVER).then((held) => {
      admitted.push(name);
      return held;
    });
  const [big, small] = [come("big", 6e6), come("small", 1e6)];
  await Promise.resolve();
  expect(admitted).toEqual([]); // small has room, and does not overtake
  first.release();
  await Promise.all([big, small]);
  expect(admitted).toEqual(["big", "small"]);
  expect(bytes.heldBytes).toBe(7e6);
});

test("who leaves lets the next one in, and holds nothing", async () => {
  const bytes = budget();
  bytes.reserve(8e6);
  const leaving = new AbortController();
  const big = bytes.reserveInTurn(6e6, leaving.signal);
  const small = bytes.reserveInTurn(2e6, NEVER);
  leaving.abort();
  await expect(big).rejects.toBeInstanceOf(Cancelled);
  await small;
  expect(bytes.heldBytes).toBe(10e6);
  await expect(bytes.reserveInTurn(1, leaving.signal)).rejects.toBeInstanceOf(Cancelled);
  await expect(bytes.reserveInTurn(11e6, NEVER)).rejects.toBeInstanceOf(OverBudget);
});
