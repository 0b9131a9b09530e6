/** A bucket as mirror and as source, against a real store that speaks S3. */
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { S3Store } from "../../objects/s3-store.js";
import { mirrorWeights } from "../mirror.js";
import { selectWeights } from "../selection.js";
import { inMemory, noise } from "../testing/content.js";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../testing/s3-server.js";
import { DEPTH, depth, WEIGHTS, WeightsLab } from "../testing/weights-lab.js";
import { S3Bucket } from "./s3-bucket.js";

const signal = new AbortController().signal;

let lab: WeightsLab;
let store: S3Server;
beforeEach(async () => {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
  lab = await WeightsLab.open();
  store = await startS3Server(join(lab.root, "store"), "weights");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await store.close();
  await lab.close();
});

function objects(url = "s3://weights/fleet/v1"): S3Store {
  const { endpoint } = store;
  const options = { region: "us-east-1", endpoint, forcePathStyle: true, stallTimeoutMs: 2000, connectTimeoutMs: 1000 };
  return new S3Store(url, options);
}

function bucket(url?: string): S3Bucket {
  return new S3Bucket(objects(url), lab.client());
}

test("what one machine fetched and mirrored, another fetches from the bucket, byte for byte, asking the Hub nothing", async () => {
  const bytes = lab.publishControlnet(200_000);
  const { plan } = await lab.fetch();
  const states: string[] = [];
  const progress = ({ file, state }: { file: { path: string }; state: string }) => states.push(`${file.path} ${state}`);
  const mirrored = await mirrorWeights({ plan, lock: await lab.lock(), bucket: bucket(), progress, signal });
  expect(mirrored).toEqual({ storedFiles: 2, storedBytes: 200_034 });
  expect(
    (await readdir(join(lab.root, "store/weights"), { recursive: true })).some((name) => name.includes(DEPTH)),
  ).toBe(true);

  const asked = lab.server.requests.length;
  const lock = await lab.lock();
  await rm(lab.dir, { recursive: true });
  await lab.fetch(depth(), { source: bucket() });
  expect((await lab.read(WEIGHTS)).equals(bytes)).toBe(true);
  expect(await lab.lock()).toEqual(lock);
  expect(lab.server.requests.length).toBe(asked);

  const again = await mirrorWeights({ plan, lock, bucket: bucket(), signal });
  expect(again).toEqual({ storedFiles: 0, storedBytes: 0 });
});

test("a long file goes up in parts", async () => {
  const bytes = noise(33 * 2 ** 20, 2);
  lab.server.publish("lllyasviel/Annotators", { "scannet.pt": inMemory(bytes) });
  const tuning = { chunkBytes: 4 * 2 ** 20 };
  const { plan } = await lab.fetch(selectWeights({ annotators: ["normal_bae"] }), { tuning });
  const counts: number[] = [];
  const progress = ({ state, done }: { state: string; done: number }) => state === "storing" && counts.push(done);
  await mirrorWeights({ plan, lock: await lab.lock(), bucket: bucket(), progress, signal });
  expect(counts).toEqual([32 * 2 ** 20, 33 * 2 ** 20]);
  await rm(lab.dir, { recursive: true });
  await lab.fetch(selectWeights({ annotators: ["normal_bae"] }), { source: bucket(), tuning });
  expect((await lab.read("scannet.pt", "lllyasviel/Annotators")).equals(bytes)).toBe(true);
});

test("a second selection is added to the bucket's lock file, and does not replace the first", async () => {
  lab.publishControlnet(5000);
  lab.server.publish("lllyasviel/Annotators", { "scannet.pt": inMemory(noise(3000, 2)) });
  for (const selection of [depth(), selectWeights({ annotators: ["normal_bae"] })]) {
    const { plan } = await lab.fetch(selection);
    await mirrorWeights({ plan, lock: await lab.lock(), bucket: bucket(), signal });
  }
  const lock = await bucket().readLock(signal);
  expect(Object.keys(lock?.repositories ?? {}).sort()).toEqual(["lllyasviel/Annotators", DEPTH].sort());
});

test("a lock file beyond all measure is refused by its size", async () => {
  await objects().writeText("armature-weights.lock.json", " ".repeat(9 * 2 ** 20), "application/json", signal);
  await expect(lab.fetch(depth(), { source: bucket() })).rejects.toThrow(/lock\.json: has more than 8388608 bytes/);
});

test("a damaged object never becomes a file", async () => {
  lab.publishControlnet(50_000);
  const { plan } = await lab.fetch();
  const lock = await lab.lock();
  await mirrorWeights({ plan, lock, bucket: bucket(), signal });
  const { target } = plan.repositories[0]!.files.find(({ path }) => path === WEIGHTS)!;
  const file = { repository: DEPTH, commit: undefined, path: WEIGHTS, size: 50_000, hash: undefined };
  await rm(target);
  await lab.fetch(depth(), { source: bucket() });
  await writeFile(target, noise(50_000, 77));
  await bucket().storeFile(target, file, lock.repositories[DEPTH]!.files[WEIGHTS]!.sha256!, signal, () => {});
  await rm(target);
  await expect(lab.fetch(depth(), { source: bucket() })).rejects.toMatchObject({ reason: "corrupt" });
  expect(await lab.files()).not.toContain(`${DEPTH}/${WEIGHTS}`);
});

test("an empty bucket, a missing one, wrong credentials and a store that is down are told apart", async () => {
  await expect(lab.fetch(depth(), { source: bucket() })).rejects.toThrow(
    /has no armature-weights\.lock\.json: fill it with --mirror-to/,
  );
  await expect(lab.fetch(depth(), { source: bucket("s3://nothing") })).rejects.toMatchObject({
    reason: "missing-file",
  });
  vi.stubEnv("AWS_ACCESS_KEY_ID", "somebody");
  await expect(lab.fetch(depth(), { source: bucket() })).rejects.toMatchObject({ reason: "token-refused" });
  await store.close();
  await expect(lab.fetch(depth(), { source: bucket() })).rejects.toMatchObject({ reason: "unreachable" });
  store = await startS3Server(join(lab.root, "store"), "weights");
}, 120_000);
