/** Several repositories that hold the same weights: the next is tried when one is gone, and what came from where is told. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockPath } from "./lock-file.js";
import { BASE_MODELS } from "./manifest.js";
import type { Selection } from "./selection.js";
import { selectWeights } from "./selection.js";
import type { Content } from "./testing/content.js";
import { inMemory, noise, text } from "./testing/content.js";
import { WeightsLab } from "./testing/weights-lab.js";

const [FIRST, SECOND, THIRD] = ["owner/model", "copy/model", "other/model"];
const WEIGHTS = "model.safetensors";

let lab: WeightsLab;
beforeEach(async () => {
  lab = await WeightsLab.open();
});
afterEach(() => lab.close());

function files(seed = 1): Record<string, Content> {
  return { "config.json": text('{"a": 1}'), [WEIGHTS]: inMemory(noise(40_000, seed)) };
}

/** A row of a manifest: three repositories, and the hash of the weights if `seed` is given. */
function selection(seed?: number): Selection {
  const pins = seed === undefined ? [] : [[WEIGHTS, files(seed)[WEIGHTS]!.sha256] as const];
  const wanted = {
    smallest: false,
    files: new Map(["config.json", WEIGHTS].map((p) => [p, 1])),
    optional: new Set<string>(),
  };
  const labels = ["model m"];
  return [
    {
      repository: FIRST!,
      revision: undefined,
      wanted,
      labels,
      licence: "mit",
      alternatives: [SECOND!, THIRD!],
      pins: new Map(pins),
    },
  ];
}

test.each([401, 403, 404, 410])(
  "one that answers %i is passed over; plan, events, result and lock file say which served",
  async (status) => {
    lab.server.publish(FIRST!, files());
    const commit = lab.server.publish(SECOND!, files());
    lab.server.intercept = ({ path }, res) => {
      if (path.includes(FIRST!)) res.writeHead(status).end("gone");
      return path.includes(FIRST!);
    };
    const { plan, servedByOthers } = await lab.fetch(selection(1));
    expect(lab.server.count(new RegExp(FIRST!))).toBe(1);
    expect(plan.repositories[0]).toMatchObject({ repository: FIRST, servedBy: SECOND, commit });
    expect(plan.notes.join()).toMatch(/owner\/model.*; copy\/model has the same weights, by their hashes/);
    const served = ["config.json", WEIGHTS].map((path) => ({ repository: FIRST, path, servedBy: SECOND }));
    expect(servedByOthers).toEqual(expect.arrayContaining(served));
    const complete = lab.events.flatMap((event) => (event.kind === "complete" ? [event.servedBy] : []));
    expect(complete).toEqual([SECOND, SECOND]);
    const locked = (await lab.lock()).repositories[FIRST!]!;
    expect(locked).toMatchObject({ commit, servedBy: SECOND });
    expect(locked.files[WEIGHTS]).toMatchObject({ sha256: files()[WEIGHTS]!.sha256, servedBy: SECOND });
    expect((await lab.read(WEIGHTS, FIRST)).equals(noise(40_000, 1))).toBe(true);
  },
);

test("what such a fetch has pinned is fetched again by the lock file alone, frozen, from whichever is left", async () => {
  lab.server.publish(SECOND!, files());
  await lab.fetch(selection(1));
  const lock = await readFile(lockPath(lab.dir), "utf8");
  const again = async () => {
    await rm(lab.dir, { recursive: true });
    await mkdir(lab.dir);
    await writeFile(lockPath(lab.dir), lock);
    const result = await lab.fetch(selection(1), { frozen: true });
    expect(await readFile(lockPath(lab.dir), "utf8")).toBe(lock);
    expect((await lab.read(WEIGHTS, FIRST)).equals(noise(40_000, 1))).toBe(true);
    return result.servedByOthers.map(({ servedBy }) => servedBy);
  };
  expect(await again()).toEqual([SECOND, SECOND]);
  lab.server.remove(SECOND!);
  lab.server.publish(THIRD!, files());
  expect(await again()).toEqual([THIRD, THIRD]);
  lab.server.publish(FIRST!, files());
  expect(await again()).toEqual([]);
});

test("one that holds other bytes than are pinned is passed over, whatever it is called", async () => {
  lab.server.publish(FIRST!, files(7));
  lab.server.publish(SECOND!, files(8));
  lab.server.publish(THIRD!, files(1));
  const { servedByOthers } = await lab.fetch(selection(1));
  expect(servedByOthers.map(({ servedBy }) => servedBy)).toEqual([THIRD, THIRD]);
  lab.server.remove(THIRD!);
  await rm(lab.dir, { recursive: true });
  await expect(lab.fetch(selection(1))).rejects.toThrow(
    /owner\/model\/model\.safetensors: sha256 .* is offered, but sha256 .* is pinned; copy\/model.*; other\/model/,
  );
  expect(await lab.files()).toEqual([]);
});

test("without a pinned hash no other repository stands in, and the error names them", async () => {
  lab.server.publish(SECOND!, files());
  await expect(lab.fetch(selection())).rejects.toThrow(
    /does not exist.*known as copy\/model, other\/model: ask for one/,
  );
});

test("a file that a repository has lost comes from the next, and the others from the first", async () => {
  const commit = lab.server.publish(FIRST!, files());
  lab.server.publish(SECOND!, files());
  lab.server.intercept = ({ path }, res) => {
    const isLost = path.includes(`${FIRST}/resolve/${commit}/${WEIGHTS}`);
    if (isLost) res.writeHead(404, { "x-error-code": "EntryNotFound" }).end("no");
    return isLost;
  };
  const { servedByOthers } = await lab.fetch(selection(1));
  expect(servedByOthers).toEqual([{ repository: FIRST, path: WEIGHTS, servedBy: SECOND }]);
  const locked = (await lab.lock()).repositories[FIRST!]!;
  expect(locked.servedBy).toBeUndefined();
  expect(locked.files[WEIGHTS]?.servedBy).toBe(SECOND);
  expect(locked.files["config.json"]?.servedBy).toBeUndefined();
});

test("Stable Diffusion 2.1 has two sources under three hashes; a revision that the user names has no pins", () => {
  const [row] = selectWeights({ models: ["sd21-base"] });
  expect(row?.pins.size).toBe(3);
  expect([...row!.pins.keys()].every((path) => row!.wanted.files.has(path))).toBe(true);
  expect(row?.alternatives).toEqual(["Manojb/stable-diffusion-2-1-base"]);
  expect(selectWeights({ models: ["sd21-base@v2"] })[0]?.pins.size).toBe(0);
  const digests = Object.values(BASE_MODELS).flatMap((entry) =>
    "sha256" in entry ? Object.values(entry.sha256 ?? {}) : [],
  );
  expect(digests.every((digest) => /^[0-9a-f]{64}$/.test(digest))).toBe(true);
});
