/** After fetching: is what lies there still what is pinned, and is all of it still needed? */
import { appendFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planFetch } from "./fetch-weights.js";
import { lockPath } from "./lock-file.js";
import { findRemovable, removeWeights } from "./prune.js";
import { selectWeights } from "./selection.js";
import { inMemory, noise } from "./testing/content.js";
import { DEPTH, WEIGHTS, WeightsLab } from "./testing/weights-lab.js";
import { verifyWeights } from "./verify.js";

const ANNOTATORS = "lllyasviel/Annotators";
const signal = new AbortController().signal;

let lab: WeightsLab;
beforeEach(async () => {
  lab = await WeightsLab.open();
  lab.publishControlnet(50_000);
  lab.server.publish(ANNOTATORS, {
    "ControlNetHED.pth": inMemory(noise(9000, 1)),
    "netG.pth": inMemory(noise(7000, 2)),
  });
  await lab.fetch(selectWeights({ controlnets: ["depth"], annotators: ["softedge_hed", "lineart_anime"] }));
});
afterEach(() => lab.close());

async function states(only?: (repository: string) => boolean): Promise<Record<string, string>> {
  const files = await verifyWeights({ dir: lab.dir, lock: await lab.lock(), only, signal });
  return Object.fromEntries(files.map(({ path, state }) => [path, state]));
}

test("verify hashes everything that is pinned and names what is wrong, each in its own way", async () => {
  expect(await states()).toEqual({
    "ControlNetHED.pth": "good",
    "netG.pth": "good",
    "config.json": "good",
    [WEIGHTS]: "good",
  });
  const damaged = noise(50_000, 1);
  damaged[49_999]! ^= 128;
  await writeFile(lab.path(WEIGHTS), damaged);
  await appendFile(lab.path("netG.pth", ANNOTATORS), "x");
  await rm(lab.path("config.json"));
  expect(await states()).toEqual({
    "ControlNetHED.pth": "good",
    "netG.pth": "wrong-size",
    "config.json": "missing",
    [WEIGHTS]: "wrong-hash",
  });
  expect(Object.keys(await states((repository) => repository === DEPTH))).toEqual(["config.json", WEIGHTS]);
});

test("verify tells a Git LFS pointer, and a configuration that was pinned without weights", async () => {
  const { sha256 } = (await lab.lock()).repositories[DEPTH]!.files[WEIGHTS]!;
  await writeFile(lab.path(WEIGHTS), `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize 50000\n`);
  expect((await states())[WEIGHTS]).toBe("lfs-pointer");
  const frozen = lab.fetch(selectWeights({ controlnets: ["depth"] }), { frozen: true });
  await expect(frozen).rejects.toThrow(/is a Git LFS pointer, not the file of 50000 bytes/);

  const lock = await lab.lock();
  delete lock.repositories[DEPTH]!.files[WEIGHTS];
  await writeFile(lockPath(lab.dir), JSON.stringify(lock));
  expect(await states()).toMatchObject({ "config.json": "good", ".": "no-weights" });
});

test("prune removes pinned files that the selection does not need, their lines and empty folders, and nothing else", async () => {
  await mkdir(join(lab.dir, "tiny-sd"));
  await writeFile(join(lab.dir, "tiny-sd", "model.safetensors"), "not ours");
  await writeFile(lab.path("notes.txt"), "the user's own");
  const selection = selectWeights({ annotators: ["softedge_hed"] });
  const plan = await planFetch(selection, { dir: lab.dir }, { source: lab.source() });
  const removable = await findRemovable(await lab.lock(), plan);
  expect(removable.map(({ path, bytes }) => [path, bytes])).toEqual([
    ["netG.pth", 7000],
    ["config.json", 34],
    [WEIGHTS, 50_000],
  ]);
  await removeWeights(lab.dir, lockPath(lab.dir), removable, signal);
  expect(await lab.files()).toEqual([
    "armature-weights.lock.json",
    `${ANNOTATORS}/ControlNetHED.pth`,
    `${DEPTH}/notes.txt`,
    "tiny-sd/model.safetensors",
  ]);
  expect(Object.keys((await lab.lock()).repositories)).toEqual([ANNOTATORS]);
  await rm(lab.path("notes.txt"));
  expect(await readdir(join(lab.dir, "lllyasviel"))).toContain("control_v11f1p_sd15_depth");
});

test("an unsound lock file is refused with the place", async () => {
  const spoil = async (text: string) => {
    await writeFile(lockPath(lab.dir), text);
    return lab.lock();
  };
  await expect(spoil("{")).rejects.toThrow(/the lock file is not JSON/);
  await expect(spoil('{"version": 2, "repositories": {}}')).rejects.toThrow(/version/);
  const file = (path: string, entry: object) => {
    const repositories = { "a/b": { revision: "main", commit: "a".repeat(40), files: { [path]: entry } } };
    return JSON.stringify({ version: 1, repositories });
  };
  await expect(spoil(file("../../x", { size: 1, sha256: "a".repeat(64) }))).rejects.toThrow(
    /files → \.\.\/\.\.\/x: Invalid key/,
  );
  await expect(spoil(file("x", { size: -1, sha256: "a".repeat(64) }))).rejects.toThrow(
    /repositories → a\/b → files → x → size/,
  );
  await expect(spoil(file("x", { size: 0, sha256: "a".repeat(64) }))).rejects.toThrow(
    /no file of 0 bytes has this hash/,
  );
  const escaping = spoil(file("\u001b[2J", { size: 1, sha256: "a".repeat(64) }));
  await expect(escaping).rejects.toThrow(/files → {2}\[2J: Invalid key/);
  await expect(spoil(file("x", { size: 1 }))).rejects.toThrow(/wants sha256 or gitSha1/);
  await expect(spoil(file("x", { size: 1, sha256: "A".repeat(64) }))).rejects.toThrow(/sha256/);
});
