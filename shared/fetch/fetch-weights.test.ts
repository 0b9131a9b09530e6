/** The main way: a selection becomes files on the disk, equal to what the Hub has, with as few requests as there can be. */
import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockPath } from "./lock-file.js";
import type { ListingWait } from "./offer.js";
import { type Selection, selectWeights } from "./selection.js";
import { freeBytes } from "./target.js";
import { inMemory, noise, text } from "./testing/content.js";
import { DEPTH, depth, WEIGHTS, WeightsLab } from "./testing/weights-lab.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

let lab: WeightsLab;
beforeEach(async () => {
  lab = await WeightsLab.open();
});
afterEach(() => lab.close());

async function refusal(fetching: Promise<unknown>): Promise<WeightsUnavailable> {
  const error = await fetching.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WeightsUnavailable);
  return error as WeightsUnavailable;
}

test("only the selected files come, equal to the Hub's, and the lock file pins them", async () => {
  const bytes = lab.publishControlnet(100_000);
  const { plan } = await lab.fetch();
  expect(await lab.files()).toEqual(["armature-weights.lock.json", `${DEPTH}/config.json`, `${DEPTH}/${WEIGHTS}`]);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(plan.totalBytes).toBe(100_000 + 34);
  expect(plan.cloneBytes).toBe(100_000 + 34 + 2 * 200_000 + 9);
  const { commit, revision, files } = (await lab.lock()).repositories[DEPTH]!;
  expect(commit).toBe(plan.repositories[0]?.commit);
  expect(revision).toBe("main");
  expect(files[WEIGHTS]).toEqual({ size: 100_000, sha256: inMemory(bytes).sha256 });
  expect(files["config.json"]?.sha256).toBe(inMemory(await lab.read("config.json")).sha256);
});

test("N files take at most 2N + 1 calls of the Hub, and the second time none", async () => {
  lab.publishControlnet(100_000);
  const calls = () => lab.server.requests.filter(({ host }) => host === "hub").length;
  await lab.fetch();
  expect(lab.server.count(/^\/api\/.*revision/)).toBe(1);
  expect(calls()).toBe(1 + 2 + 2); // the commit, two pages of the tree, two files
  expect(lab.server.requests.filter(({ host }) => host === "cdn").length).toBe(Math.ceil(100_000 / (16 * 1024)));

  const before = lab.server.requests.length;
  const { plan } = await lab.fetch();
  expect(lab.server.requests.length).toBe(before);
  expect(plan.writeBytes).toBe(0);

  await rm(lab.path(WEIGHTS));
  await lab.fetch();
  expect(lab.server.requests.slice(before).filter(({ path }) => path.startsWith("/api"))).toEqual([]);
});

test("a lock file from another machine gives the same bytes though the branch has moved on", async () => {
  const old = lab.publishControlnet(50_000, 1);
  await lab.fetch();
  const lock = await readFile(lockPath(lab.dir), "utf8");
  lab.publishControlnet(50_000, 9);
  await rm(lab.dir, { recursive: true });
  await mkdir(lab.dir);
  await writeFile(lockPath(lab.dir), lock);
  await lab.fetch(depth(), { frozen: true });
  expect((await lab.read(WEIGHTS)).equals(old)).toBe(true);
  expect(await readFile(lockPath(lab.dir), "utf8")).toBe(lock);
});

test("update asks what the branch stands for now, and moves all pinned files of the repository", async () => {
  lab.publishControlnet(50_000, 1);
  await lab.fetch();
  const fresh = lab.publishControlnet(60_000, 2);
  await lab.fetch();
  expect((await stat(lab.path(WEIGHTS))).size).toBe(50_000);
  await lab.fetch(depth(), { update: true });
  expect((await lab.read(WEIGHTS)).equals(fresh)).toBe(true);
  expect((await lab.lock()).repositories[DEPTH]?.files[WEIGHTS]?.sha256).toBe(inMemory(fresh).sha256);
});

test("frozen fails on what is not pinned, on another size and on other bytes, and changes nothing", async () => {
  const bytes = lab.publishControlnet(50_000);
  expect((await refusal(lab.fetch(depth(), { frozen: true }))).reason).toBe("not-pinned");
  await lab.fetch();
  const asked = lab.server.requests.length;
  await lab.fetch(depth(), { frozen: true });
  expect(lab.server.requests.length).toBe(asked);

  const damaged = Uint8Array.from(bytes);
  damaged[40_000]! ^= 1;
  await writeFile(lab.path(WEIGHTS), damaged);
  expect((await refusal(lab.fetch(depth(), { frozen: true }))).reason).toBe("differs-from-lock");
  expect((await lab.read(WEIGHTS)).equals(damaged)).toBe(true);
  await writeFile(lab.path(WEIGHTS), "short");
  expect((await refusal(lab.fetch(depth(), { frozen: true }))).message).toContain(
    "has 5 bytes, the lock file says 50000",
  );
  const other: Selection = [{ ...depth()[0]!, revision: "v2" }];
  expect((await refusal(lab.fetch(other, { frozen: true }))).reason).toBe("not-pinned");
});

test("what is there is adopted if its hash agrees, replaced if not, and hashed again on demand", async () => {
  const bytes = lab.publishControlnet(50_000);
  await mkdir(dirname(lab.path(WEIGHTS)), { recursive: true });
  await writeFile(lab.path(WEIGHTS), bytes);
  await lab.fetch();
  expect(lab.server.count(/fp16/)).toBe(0);

  const damaged = Uint8Array.from(bytes);
  damaged[0]! ^= 1;
  await writeFile(lab.path(WEIGHTS), damaged);
  await lab.fetch(); // the lock file vouches for it, so it is not hashed
  expect((await lab.read(WEIGHTS)).equals(damaged)).toBe(true);
  await lab.fetch(depth(), { rehash: true });
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);

  await writeFile(lab.path(WEIGHTS), "another size");
  await lab.fetch();
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
});

test("two fetches of the same file at once end with one good file, downloaded once", async () => {
  const bytes = lab.publishControlnet(300_000);
  lab.server.bytesPerSecond = 2e6;
  await Promise.all([lab.fetch(), lab.fetch(), lab.fetch()]);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(lab.server.bytesSent).toBe(300_000 + 34);
  expect(lab.events.some(({ kind }) => kind === "waiting")).toBe(true);
  expect((await lab.files()).filter((name) => /part|owner|journal/.test(name))).toEqual([]);
});

test("a disk without room is told of before anything is downloaded", async () => {
  lab.publishControlnet(500_000);
  const error = await refusal(lab.fetch(depth(), { free: async () => 20e6 }));
  expect(error.reason).toBe("no-space");
  expect(error.message).toContain("only 0.02 GB are free");
  expect(lab.server.count(/resolve/)).toBe(0);
  expect(await freeBytes(`${lab.dir}/not/there/yet`)).toBeGreaterThan(0);
});

test("a folder that cannot be written is told of before anything is downloaded", async () => {
  lab.publishControlnet(50_000);
  await chmod(lab.root, 0o755);
  await mkdir(lab.dir, { mode: 0o555 });
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534); // root may write anywhere
  try {
    const error = await refusal(lab.fetch());
    expect(error.reason).toBe("read-only");
    expect(error.message).toContain("cannot be written (EACCES)");
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  expect(lab.server.count(/resolve/)).toBe(0);
});

test("an aborted fetch keeps what has come, written or not, and the next one goes on at the byte", async () => {
  const bytes = lab.publishControlnet(400_000);
  lab.server.bytesPerSecond = 400_000;
  const abort = new AbortController();
  // So early that nothing has been written yet: it waits in memory for more.
  const watch = setInterval(() => {
    if (lab.server.bytesSent > 90_000) abort.abort(new Error("enough"));
  }, 5);
  const tuning = { chunkBytes: 100_000 };
  await expect(lab.fetch(depth(), { signal: abort.signal, tuning })).rejects.toThrow("enough");
  clearInterval(watch);
  lab.server.bytesPerSecond = undefined;
  const sent = lab.server.bytesSent;
  const { plan } = await lab.fetch(depth(), { tuning });
  const here = plan.repositories[0]?.files.find(({ path }) => path === WEIGHTS)?.bytesHere ?? 0;
  expect(here).toBeGreaterThan(40_000);
  // The server may still have handed a piece of 8000 bytes to each of the three connections that were ending.
  expect(lab.server.bytesSent - sent).toBeGreaterThanOrEqual(400_000 - here);
  expect(lab.server.bytesSent - sent).toBeLessThanOrEqual(400_000 - here + 3 * 8000);
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
});

test("a repository that is gone is fetched from another that holds the pinned bytes", async () => {
  const [first, second] = ["stable-diffusion-v1-5/stable-diffusion-v1-5", "sd-legacy/stable-diffusion-v1-5"];
  const files = pipelineFiles();
  lab.server.publish(first, files);
  lab.server.publish(second, files);
  const selection = selectWeights({ models: ["sd15"] });
  await lab.fetch(selection);
  const lock = await readFile(lockPath(lab.dir), "utf8");
  await rm(lab.dir, { recursive: true });
  await mkdir(lab.dir);
  lab.server.remove(first);

  const error = await refusal(lab.fetch(selection));
  expect(error.reason).toBe("missing-repository");
  expect(error.message).toContain(`ask for one of these by name`);
  await writeFile(lockPath(lab.dir), lock);
  await lab.fetch(selection);
  const unet = await lab.read("unet/diffusion_pytorch_model.fp16.safetensors", first);
  expect(unet.equals(noise(5000, 3))).toBe(true);
});

test("one file that cannot be had does not keep the others from coming", async () => {
  lab.publishControlnet(50_000);
  lab.server.publish("lllyasviel/Annotators", { "ControlNetHED.pth": inMemory(noise(20_000, 4)) });
  lab.server.fault = ({ path }) =>
    path.includes("HED") ? { kind: "status", status: 404, headers: { "x-error-code": "EntryNotFound" } } : undefined;
  const error = await refusal(lab.fetch(selectWeights({ controlnets: ["depth"], annotators: ["softedge_hed"] })));
  expect(error.reason).toBe("missing-file");
  expect(error.message).toContain("lllyasviel/Annotators/ControlNetHED.pth: no such file");
  expect((await stat(lab.path(WEIGHTS))).size).toBe(50_000);
});

test("a file name that would leave the folder is refused", async () => {
  lab.server.publish("evil/model", {
    "config.json": text("{}"),
    "../../../model.safetensors": inMemory(noise(5000, 1)),
    "model.safetensors": text("x"),
  });
  const listed = [
    {
      ...selectWeights({ models: ["evil/model"] })[0]!,
      wanted: { smallest: false, files: new Map([["../../../model.safetensors", 0]]), optional: new Set<string>() },
    },
  ];
  expect((await refusal(lab.fetch(listed))).message).toContain('refused the file name "../../../model.safetensors"');
});

test("a list that cannot be had at once is waited for, and the caller hears why", async () => {
  lab.publishControlnet(5000);
  let failures = 0;
  lab.server.fault = ({ path }) =>
    path.includes("/tree/") && failures++ < 2 ? { kind: "status", status: 503 } : undefined;
  const waits: ListingWait[] = [];
  await lab.fetch(depth(), { onWait: (wait) => waits.push(wait) });
  expect(waits.map(({ repository }) => repository)).toEqual([DEPTH, DEPTH]);
  expect(waits[0]?.message).toMatch(/answers 503/);
  expect(waits[1]?.waitMs).toBeGreaterThan(waits[0]!.waitMs);
});

test("another hash than is pinned of a commit is not believed, though the same hub lists it", async () => {
  lab.publishControlnet(50_000);
  await lab.fetch();
  const other = noise(50_000, 77);
  const { commit } = (await lab.lock()).repositories[DEPTH]!;
  lab.server.intercept = ({ path }, res) => {
    if (!path.includes(`/tree/${commit}`)) return false;
    const { size, sha256 } = inMemory(other);
    const entry = { type: "file", size, oid: "0".repeat(40), lfs: { oid: sha256, size } };
    res.end(
      JSON.stringify([
        { ...entry, path: WEIGHTS },
        { ...entry, path: "config.json" },
        { ...entry, path: "more.json" },
      ]),
    );
    return true;
  };
  const wanted = { smallest: false, files: new Map([["more.json", 1]]), optional: new Set<string>() };
  const error = await refusal(lab.fetch([{ ...depth()[0]!, wanted }]));
  expect(error.reason).toBe("corrupt");
  expect(error.message).toMatch(/sha256 .* is offered, but sha256 .* is pinned/);
});

test("shards come with their index, and an index of shards that are not there is no complete model", async () => {
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const publish = (map: Record<string, string>) =>
    lab.server.publish("some/model", {
      "config.json": text("{}"),
      "model.safetensors.index.json": text(JSON.stringify({ weight_map: map })),
      ...Object.fromEntries(shards.map((name, i) => [name, inMemory(noise(3000, i))])),
    });
  const selection = selectWeights({ models: ["some/model"] });
  publish({ a: shards[0]!, b: shards[1]! });
  await lab.fetch(selection);
  expect((await lab.files()).filter((name) => name.endsWith(".safetensors")).length).toBe(2);
  publish({ a: shards[0]!, b: "model-00003-of-00003.safetensors" });
  const error = await refusal(lab.fetch(selection, { update: true }));
  expect(error.reason).toBe("no-weights");
  expect(error.message).toMatch(/index\.json names some\/model\/model-00003-of-00003\.safetensors, which is not there/);
});

function pipelineFiles() {
  return {
    "model_index.json": text("{}"),
    "scheduler/scheduler_config.json": text("{ }"),
    "tokenizer/tokenizer_config.json": text("{      }"),
    "tokenizer/vocab.json": text("{  }"),
    "tokenizer/merges.txt": text("a b"),
    "text_encoder/config.json": text("{   }"),
    "text_encoder/model.fp16.safetensors": inMemory(noise(3000, 2)),
    "unet/config.json": text("{    }"),
    "unet/diffusion_pytorch_model.fp16.safetensors": inMemory(noise(5000, 3)),
    "vae/config.json": text("{     }"),
    "vae/diffusion_pytorch_model.fp16.safetensors": inMemory(noise(4000, 4)),
  };
}
