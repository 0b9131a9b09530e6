import { DeviceLost, InvalidRequest } from "@armature/core";
import { EngineCrashed } from "@armature/engine";
import { expect, test } from "vitest";
import { DeviceLosses } from "./device-losses.js";

/** A job that goes through the outcomes, one at each attempt; an error is thrown. */
function job(...outcomes: (string | Error)[]) {
  let attempts = 0;
  const run = async () => {
    const outcome = outcomes[attempts++];
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return { run, attempts: () => attempts };
}

const lost = () => new DeviceLost("VK_ERROR_DEVICE_LOST");
const crashed = () => new EngineCrashed("killed by SIGKILL");

test.each([lost, crashed])("a job whose device fails is tried once more", async (loss) => {
  const { run, attempts } = job(loss(), "picture");
  expect(await new DeviceLosses(() => {}).run(run)).toBe("picture");
  expect(attempts()).toBe(2);
});

test("a job that is lost twice fails, and says so", async () => {
  const { run, attempts } = job(crashed(), lost(), "picture");
  await expect(new DeviceLosses(() => {}).run(run)).rejects.toThrow(
    /failed under this job twice: VK_ERROR_DEVICE_LOST/,
  );
  expect(attempts()).toBe(2);
});

test("a job's own error is not tried again", async () => {
  const { run, attempts } = job(new InvalidRequest([{ pointer: "/steps", detail: "0" }]), "picture");
  await expect(new DeviceLosses(() => {}).run(run)).rejects.toThrow(InvalidRequest);
  expect(attempts()).toBe(1);
});

test("three losses in a row give the device up, with the reason, and no job is taken", async () => {
  const losses = new DeviceLosses(() => {});
  await expect(losses.run(job(lost(), lost()).run)).rejects.toThrow(DeviceLost);
  expect(losses.refusal()).toBeUndefined();
  const third = job(crashed(), "picture");
  await expect(losses.run(third.run)).rejects.toThrow(/failed 3 times in a row.*killed by SIGKILL/);
  expect(third.attempts()).toBe(1);
  expect(losses.refusal()).toMatch(/killed by SIGKILL/);
  const refused = job("picture");
  await expect(losses.run(refused.run)).rejects.toThrow(DeviceLost);
  expect(refused.attempts()).toBe(0);
});

test("a process that reports a loss is ended; one that is gone is not", async () => {
  const ended: string[] = [];
  const losses = new DeviceLosses((reason) => ended.push(reason));
  await losses.run(job(lost(), "picture").run);
  await losses.run(job(crashed(), "picture").run);
  expect(ended).toEqual(["VK_ERROR_DEVICE_LOST"]);
});

test("an engine whose device is given up has failed, whatever its process says", async () => {
  const losses = new DeviceLosses(() => {});
  const ready = { status: "ready", restarts: 2 } as const;
  await expect(losses.run(job(lost(), lost()).run)).rejects.toThrow();
  expect(losses.judged(ready)).toEqual(ready);
  await expect(losses.run(job(lost()).run)).rejects.toThrow();
  expect(losses.judged(ready)).toEqual({ ...ready, status: "failed", reason: losses.refusal() });
});

test("an answered job between them starts the count anew", async () => {
  const losses = new DeviceLosses(() => {});
  for (let i = 0; i < 5; i++) expect(await losses.run(job(lost(), "picture").run)).toBe("picture");
  expect(losses.refusal()).toBeUndefined();
});
