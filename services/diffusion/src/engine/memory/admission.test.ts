import { OutOfMemory } from "@armature/core";
import type { DeviceMemory } from "@armature/devices";
import { OpenNetworks, Residency, type Session, sessionKey } from "@armature/runtime";
import { expect, test } from "vitest";
import { Admission } from "./admission.js";
import { FIXED_BYTES } from "./needed-bytes.js";
import type { NetworkMemory } from "./network-memory.js";

const FIXED = FIXED_BYTES["device context"] + FIXED_BYTES.workspaces;
const RESERVE = 1e9;
const IDLE: Session = { run: async (feeds) => feeds, release: async () => {} };

const identity = (file: string, side: number) => ({ weights: file, network: "network", sizes: { H: side, W: side } });

/** A network of `weights` and `activations` in 10^9 bytes, at a picture of `side`. */
const network = (component: string, weights: number, activations: number, side = 64): NetworkMemory => ({
  component,
  name: "network",
  weightBytes: weights * 1e9,
  activationBytes: activations * 1e9,
  key: sessionKey(identity(component, side)),
  resident: component,
});

/** A device of `totalBytes`, of which other programs hold `othersBytes`; what runs on it is opened as the engine would. */
function device({ totalBytes, othersBytes = 0 }: { totalBytes: number; othersBytes?: number }) {
  const opened = new OpenNetworks();
  const log: string[] = [];
  const warnings: string[] = [];
  const reads: number[] = [];
  let clock = 0;
  const residency = new Residency({ budgetBytes: 1e15, now: () => clock++ });
  const sessions = new Map<string, Session[]>();
  const state: { read: (held: number) => Promise<DeviceMemory> } = {
    read: async (held) => ({ source: "a card", freeBytes: totalBytes - othersBytes - held, totalBytes }),
  };
  const admission = new Admission({
    opened,
    residency,
    readMemory: (held) => {
      reads.push(held);
      return state.read(held);
    },
    reserveBytes: RESERVE,
    warn: (message) => warnings.push(message),
  });

  async function run(...networks: NetworkMemory[]): Promise<void> {
    await admission.admit(networks);
    await residency.acquire(
      networks.map(({ resident: key }) => ({
        key,
        owner: key,
        bytes: 1,
        load: async () => void sessions.set(key, []),
        release: async () => {
          log.push(`-${key}`);
          for (const session of sessions.get(key)!) await session.release();
        },
      })),
    );
    for (const { component, key } of networks) {
      if (opened.has(key)) continue;
      const side = Number(/H(\d+)/.exec(key)![1]);
      sessions.get(component)!.push(opened.track(IDLE, identity(component, side)));
      log.push(`+${component} ${side}`);
    }
  }
  return { run, log, warnings, reads, state, residency, admission };
}

test("a request that fits to the byte passes, one byte less is refused with the sums, before anything is opened", async () => {
  const networks = [network("model", 2, 0.5), network("depth", 0.7, 0.25)];
  const needed = FIXED + 2e9 + 0.7e9 + 0.5e9 + 0.25e9;
  const enough = device({ totalBytes: needed + RESERVE });
  await enough.run(...networks);
  expect(enough.log).toEqual(["+model 64", "+depth 64"]);

  const short = device({ totalBytes: needed + RESERVE - 1 });
  await expect(short.run(...networks)).rejects.toThrow(
    new OutOfMemory(
      "The request needs model network 2.00 GB + depth network 0.70 GB + activations 0.75 GB + device context 0.40 GB + " +
        "workspaces 0.50 GB = 4.35 GB of the device's memory; of 5.35 GB (a card) 5.35 GB are free, and 1.00 GB stay in " +
        "reserve. Ask for a smaller picture, fewer pictures or fewer ControlNets",
    ),
  );
  expect(short.log).toEqual([]);
});

test("after a refusal others go on", async () => {
  const { run, log } = device({ totalBytes: 6e9 });
  await expect(run(network("model", 2, 3, 128))).rejects.toThrow(OutOfMemory);
  await run(network("model", 2, 0.5, 64));
  expect(log).toEqual(["+model 64"]);
});

test("what a request still lacks counts, not what it has open", async () => {
  const { run, log, reads } = device({ totalBytes: FIXED + 3.2e9 + RESERVE });
  await run(network("model", 2, 0.5));
  await run(network("model", 2, 0.5), network("depth", 0.5, 0.2)); // 0.7 more are free, no byte above
  await run(network("model", 2, 0.5), network("depth", 0.5, 0.2));
  expect(log).toEqual(["+model 64", "+depth 64"]);
  expect(reads).toHaveLength(2); // nothing new: nobody is asked
});

test("residents that are not needed go first, the one not used for longest before others, and no more than it takes", async () => {
  const { run, log } = device({ totalBytes: FIXED + 5e9 + RESERVE });
  await run(network("model", 1, 0.5));
  await run(network("canny", 1, 0.5));
  await run(network("depth", 1, 0.5));
  await run(network("canny", 1, 0.5));
  log.length = 0;
  await run(network("model", 1, 0.5), network("other", 1.5, 0.5));
  expect(log).toEqual(["-depth", "+other 64"]);
});

test("its own networks at another size go where nothing else is left to close", async () => {
  const { run, log } = device({ totalBytes: FIXED + 4e9 + RESERVE });
  await run(network("model", 2, 0.5, 64));
  await run(network("model", 2, 0.5, 96));
  expect(log).toEqual(["+model 64", "-model", "+model 96"]);
});

test("nothing is closed for a request that an empty device would not hold", async () => {
  const { run, log, residency } = device({ totalBytes: 6e9 });
  await run(network("model", 1, 0.5));
  log.length = 0;
  await expect(run(network("huge", 9, 1))).rejects.toThrow(/huge network 9\.00 GB .* = 10\.90 GB/);
  expect(log).toEqual([]);
  expect(residency.status().map(({ key }) => key)).toEqual(["model"]);
});

test("what other programs hold is not free, and is said so", async () => {
  const { run } = device({ totalBytes: 12e9, othersBytes: 9e9 });
  await expect(run(network("model", 2, 0.5))).rejects.toThrow(
    "of 12.00 GB (a card) 3.00 GB are free, and 1.00 GB stay",
  );
});

test("where nobody knows the memory, requests pass, and that is said once", async () => {
  const { run, log, warnings, state } = device({ totalBytes: 1 });
  state.read = async () => {
    throw new Error("there is no nvidia-smi");
  };
  await run(network("model", 2, 0.5));
  await run(network("depth", 2, 0.5));
  expect(log).toHaveLength(2);
  expect(warnings).toEqual(["requests are not held against the device's memory: there is no nvidia-smi"]);
});

test("what is wanted later is closed after all others", async () => {
  const { run, log, admission } = device({ totalBytes: FIXED + 4.5e9 + RESERVE });
  for (const name of ["unet", "other", "text"]) await run(network(name, 1, 0.5));
  log.length = 0;
  await admission.admit([network("vae", 1, 0.5)], [network("unet", 1, 0.5)]);
  expect(log).toEqual(["-other"]);
  await admission.admit([network("large", 3, 0.5)], [network("unet", 1, 0.5)]);
  expect(log).toEqual(["-other", "-text", "-unet"]);
});

test("room is asked for without closing anything", async () => {
  const { run, log, admission } = device({ totalBytes: 6e9 });
  await run(network("model", 2, 0.5));
  log.length = 0;
  await admission.requireRoom([[network("other", 3, 0.5)], [network("model", 2, 0.5), network("third", 0.5, 0.5)]]);
  const huge = admission.requireRoom([[network("other", 3, 0.5)], [network("huge", 9, 1)]]);
  await expect(huge).rejects.toThrow(/huge network 9\.00 GB .* = 10\.90 GB/);
  expect(log).toEqual([]);
});
