import { OutOfMemory } from "@armature/core";
import { expect, test } from "vitest";
import { type Loadable, Residency } from "./residency.js";

function stage(budgetBytes: number) {
  let clock = 0;
  const log: string[] = [];
  const loading: string[] = [];
  const onLoading = ({ key, bytes }: { key: string; bytes: number }) => void loading.push(`${key} ${bytes}`);
  const residency = new Residency({ budgetBytes, now: () => clock++, onLoading });
  const model = (key: string, bytes: number): Loadable<string> => ({
    key,
    owner: key,
    bytes,
    load: async () => {
      log.push(`+${key}`);
      return `loaded ${key}`;
    },
    release: async () => void log.push(`-${key}`),
  });
  return { residency, model, log, loading };
}

test("the least recently used model makes room", async () => {
  const { residency, model, log } = stage(30);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((key) => model(key, 10)) as [
    Loadable<string>,
    Loadable<string>,
    Loadable<string>,
    Loadable<string>,
  ];
  await residency.acquire([a, b, c]);
  await residency.acquire([a]);
  expect(await residency.acquire([d])).toEqual(["loaded d"]);
  expect(log).toEqual(["+a", "+b", "+c", "-b", "+d"]);
  expect(residency.status().map(({ key }) => key)).toEqual(["c", "a", "d"]);
});

test("each load is told of before it begins, with its bytes; what is there already is not", async () => {
  const { residency, model, loading } = stage(30);
  await residency.acquire([model("a", 10), model("b", 20)]);
  await residency.acquire([model("b", 20), model("a", 10)]);
  expect(loading).toEqual(["a 10", "b 20"]);
});

test("a model that the same request needs is never released for it", async () => {
  const { residency, model, log } = stage(30);
  await residency.acquire([model("base", 20)]);
  await residency.acquire([model("other", 10)]);
  await residency.acquire([model("base", 20), model("third", 10)]);
  expect(log).toEqual(["+base", "+other", "-other", "+third"]);
});

test("more than the budget is refused with the sums, and nothing is released for it", async () => {
  const { residency, model, log } = stage(3e9);
  await residency.acquire([model("base", 2e9)]);
  await expect(residency.acquire([model("base", 2e9), model("depth", 1.4e9)])).rejects.toThrow(
    new OutOfMemory(
      "The request needs base 2.00 GB + depth 1.40 GB = 3.40 GB; the memory budget is 3.00 GB. Use fewer ControlNets, or raise MEMORY_BUDGET_GB",
    ),
  );
  expect(log).toEqual(["+base"]);
});

test("a model that fails to load is not kept and can be tried again", async () => {
  const { residency, model } = stage(30);
  const good = model("a", 10);
  await expect(residency.acquire([{ ...good, load: () => Promise.reject(new Error("broken file")) }])).rejects.toThrow(
    "broken file",
  );
  expect(residency.status()).toEqual([]);
  expect(await residency.acquire([good])).toEqual(["loaded a"]);
});

test("what is wanted later goes after all others, and what is wanted now never", async () => {
  const { residency, model, log } = stage(40);
  await residency.acquire(["unet", "other", "vae", "text"].map((key) => model(key, 10)));
  log.length = 0;
  await residency.acquire([model("vae", 10), model("hint", 20)], new Set(["unet"]));
  expect(log).toEqual(["-other", "-text", "+hint"]);
  await residency.acquire([model("vae", 10), model("large", 30)], new Set(["unet"]));
  expect(log.slice(3)).toEqual(["-hint", "-unet", "+large"]);
});

test("room is asked for without loading or releasing anything", () => {
  const { residency, model, log } = stage(3e9);
  residency.requireRoom([model("base", 2e9)]);
  expect(() => residency.requireRoom([model("base", 2e9), model("depth", 1.4e9)])).toThrow(OutOfMemory);
  expect(log).toEqual([]);
});
