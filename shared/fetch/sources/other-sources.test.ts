/** Sources other than the Hub: a directory, an HTTP mirror, the Python library's cache. Their files are hashed alike. */
import { cp, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { selectWeights } from "../selection.js";
import { inMemory, noise } from "../testing/content.js";
import { controlnetFiles, DEPTH, depth, WEIGHTS, WeightsLab } from "../testing/weights-lab.js";
import { HuggingFaceCache } from "./hf-cache.js";
import { HttpMirror } from "./http-mirror.js";
import { LocalDirectory } from "./local-directory.js";

let lab: WeightsLab;
let elsewhere: string;
beforeEach(async () => {
  lab = await WeightsLab.open();
  elsewhere = join(lab.root, "elsewhere");
});
afterEach(() => lab.close());

/** Fetches from the Hub and moves the result, with its lock file, out of the models' folder. */
async function filledElsewhere(size = 100_000): Promise<Uint8Array> {
  const bytes = lab.publishControlnet(size);
  await lab.fetch();
  await cp(lab.dir, elsewhere, { recursive: true });
  await rm(lab.dir, { recursive: true });
  lab.server.requests.length = 0;
  return bytes;
}

test("a models' folder with its lock file serves another machine", async () => {
  const bytes = await filledElsewhere();
  await lab.fetch(depth(), { source: new LocalDirectory(elsewhere) });
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(lab.server.requests).toEqual([]);
  expect(await readFile(join(lab.dir, "armature-weights.lock.json"), "utf8")).toBe(
    await readFile(join(elsewhere, "armature-weights.lock.json"), "utf8"),
  );
  await writeFile(join(elsewhere, DEPTH, WEIGHTS), noise(100_000, 99));
  await rm(lab.path(WEIGHTS));
  await expect(lab.fetch(depth(), { source: new LocalDirectory(elsewhere) })).rejects.toMatchObject({
    reason: "corrupt",
  });
});

test("a directory without a lock file, as a clone leaves it: the fitting files are copied and pinned", async () => {
  const bytes = noise(50_000, 4);
  for (const [path, content] of Object.entries(controlnetFiles(bytes))) {
    await mkdir(dirname(join(elsewhere, DEPTH, path)), { recursive: true });
    await writeFile(join(elsewhere, DEPTH, path), content.slice(0, content.size));
  }
  await lab.fetch(depth(), { source: new LocalDirectory(elsewhere) });
  expect((await lab.files()).filter((name) => name.includes("/"))).toEqual([
    `${DEPTH}/config.json`,
    `${DEPTH}/${WEIGHTS}`,
  ]);
  const locked = (await lab.lock()).repositories[DEPTH];
  expect(locked?.commit).toBeNull();
  expect(locked?.files[WEIGHTS]?.sha256).toBe(inMemory(bytes).sha256);
  await expect(
    lab.fetch(selectWeights({ controlnets: ["canny"] }), { source: new LocalDirectory(elsewhere) }),
  ).rejects.toThrow(/has no folder lllyasviel\/control_v11p_sd15_canny/);
});

test("a clone without Git LFS is called that, and no pointer becomes a file", async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"b".repeat(64)}\nsize 722601104\n`;
  await mkdir(join(elsewhere, DEPTH), { recursive: true });
  await writeFile(join(elsewhere, DEPTH, "config.json"), "{}");
  await writeFile(join(elsewhere, DEPTH, WEIGHTS), pointer);
  const error = await lab.fetch(depth(), { source: new LocalDirectory(elsewhere) }).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ reason: "lfs-pointer" });
  expect((error as Error).message).toMatch(/not the file of 722601104 bytes .* run "git lfs pull"/);
  expect(await lab.files()).not.toContain(`${DEPTH}/${WEIGHTS}`);
});

test("an HTTP mirror is a models' folder served as it lies", async () => {
  const bytes = await filledElsewhere();
  const ranges: (string | undefined)[] = [];
  const server = createServer(async (req, res) => {
    ranges.push(req.headers.range);
    const body = await readFile(join(elsewhere, decodeURIComponent(req.url?.replace("/weights/", "") ?? ""))).catch(
      () => undefined,
    );
    if (!body) return void res.writeHead(404).end();
    const range = /bytes=(\d+)-(\d+)/.exec(req.headers.range ?? "");
    if (!range) return void res.writeHead(200).end(body);
    const [start, end] = [Number(range[1]), Number(range[2])];
    res.writeHead(206, { "content-range": `bytes ${start}-${end}/${body.length}` }).end(body.subarray(start, end + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await lab.fetch(depth(), { source: new HttpMirror(`${base}/weights`, lab.client()) });
    expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
    expect(ranges.filter(Boolean).length).toBeGreaterThan(3);
    expect(lab.server.requests).toEqual([]);
    const wrong = new HttpMirror(`${base}/nothing`, lab.client());
    await expect(lab.fetch(selectWeights({ controlnets: ["canny"] }), { source: wrong })).rejects.toMatchObject({
      reason: "not-pinned",
    });
  } finally {
    server.close();
  }
});

/** A cache as the Python library leaves it: blobs by hash, a snapshot of relative links, the branch's commit. */
async function pythonCache(bytes: Uint8Array, commit: string): Promise<HuggingFaceCache> {
  const folder = join(lab.root, "hub", `models--${DEPTH.replace("/", "--")}`);
  const snapshot = join(folder, "snapshots", commit);
  await mkdir(join(folder, "blobs"), { recursive: true });
  await mkdir(join(folder, "refs"), { recursive: true });
  await mkdir(snapshot, { recursive: true });
  await writeFile(join(folder, "refs", "main"), commit);
  const files = controlnetFiles(bytes);
  for (const path of ["config.json", WEIGHTS]) {
    const content = files[path]!;
    const blob = content.size >= 1000 ? content.sha256 : content.gitSha1;
    await writeFile(join(folder, "blobs", blob), content.slice(0, content.size));
    await symlink(join("..", "..", "blobs", blob), join(snapshot, path));
  }
  return new HuggingFaceCache(join(lab.root, "hub"));
}

test("what the Python library's cache holds is taken from there, large files by sha256 and small ones by blob id", async () => {
  const bytes = lab.publishControlnet(100_000);
  const commit = lab.server.publish(DEPTH, controlnetFiles(bytes));
  const cache = await pythonCache(bytes, commit);
  const { plan } = await lab.fetch(depth(), { cache });
  expect(plan.repositories[0]?.files.map(({ state }) => state)).toEqual(["cached", "cached"]);
  expect(plan.fetchBytes).toBe(0);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(lab.server.count(/resolve/)).toBe(0);

  // Pinned now: without the network at all.
  await rm(lab.path(WEIGHTS));
  lab.server.requests.length = 0;
  await lab.fetch(depth(), { cache });
  expect(lab.server.requests).toEqual([]);
});

test.each([
  ["large", WEIGHTS],
  ["small", "config.json"],
])("a damaged %s blob of the cache is noticed and fetched instead", async (_size, path) => {
  const bytes = lab.publishControlnet(100_000);
  const cache = await pythonCache(bytes, lab.server.publish(DEPTH, controlnetFiles(bytes)));
  const snapshot = join(lab.root, "hub", `models--${DEPTH.replace("/", "--")}`, "snapshots");
  const [commit] = await readdir(snapshot);
  const blob = join(snapshot, commit!, await readlink(join(snapshot, commit!, path)));
  const good = await readFile(blob);
  const damaged = Buffer.from(good);
  damaged[10]! ^= 1;
  await writeFile(blob, damaged);
  await lab.fetch(depth(), { cache });
  expect((await lab.read(path)).equals(good)).toBe(true);
  expect(lab.events.some(({ kind, file }) => kind === "discarded" && file.path === path)).toBe(true);
  expect(basename(blob).length).toBe(path === WEIGHTS ? 64 : 40);
});

test("offline, the cache alone is the source: its snapshot says what there is", async () => {
  const bytes = noise(30_000, 8);
  const commit = "c".repeat(40);
  const cache = await pythonCache(bytes, commit);
  await lab.fetch(depth(), { source: cache });
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect((await lab.lock()).repositories[DEPTH]?.commit).toBe(commit);
  expect((await lab.read("config.json")).toString()).toBe('{"_class_name": "ControlNetModel"}');
  await expect(lab.fetch(selectWeights({ controlnets: ["canny"] }), { source: cache })).rejects.toThrow(
    /holds nothing of/,
  );
});
