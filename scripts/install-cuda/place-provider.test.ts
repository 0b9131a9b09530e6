/** Against a server on loopback that breaks off, sends other bytes, or is not asked at all. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "@armature/config";
import { WeightsEnvironment } from "@armature/fetch";
import "@armature/fetch/testing/built-hash-worker";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Content, inMemory, noise } from "../../shared/fetch/testing/content.js";
import { sendContent } from "../../shared/fetch/testing/content-answer.js";
import type { Fault } from "../../shared/fetch/testing/faults.js";
import { fileState, placeProvider } from "./place-provider.js";
import type { Provider } from "./providers.js";
import { zipArchive } from "./testing/zip-archive.js";

const CUDA = noise(300_000, 1);
const SHARED = noise(5000, 2);
const ARCHIVE = zipArchive([
  { path: "package/__init__.py", content: Buffer.from("# not wanted") },
  { path: "package/cuda.so", content: CUDA },
  { path: "package/shared.so", content: SHARED, stored: true },
]);
const TUNING = {
  ...{ chunkBytes: 64 * 1024, connectionsPerFile: 1, sync: false },
  retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 2, maxRetryAfterS: 1, random: () => 0 },
};

let server: Server;
let address: string;
let content: Content;
let faults: (Fault | undefined)[];
let ranges: (string | undefined)[];
let folder: string;
let cacheDir: string;

beforeEach(async () => {
  content = inMemory(ARCHIVE);
  faults = [];
  ranges = [];
  const root = mkdtempSync(join(tmpdir(), "armature-cuda-"));
  [folder, cacheDir] = [mkdtempSync(join(root, "runtime-")), join(root, "cache")];
  server = createServer((req, res) => {
    ranges.push(req.headers.range);
    const fault = faults.shift();
    const isFound = req.url === "/a%20b/onnxruntime_gpu.whl" && fault?.kind !== "status";
    const options = { range: req.headers.range, fault, bytesPerSecond: undefined, onSent: () => {} };
    if (isFound) void sendContent(res, content, options);
    else res.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a%20b/onnxruntime_gpu.whl`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function provider(change: Partial<Provider> = {}): Provider {
  const { sha256 } = inMemory(ARCHIVE);
  const files = [
    { name: "cuda.so", path: "package/cuda.so", sha256: inMemory(CUDA).sha256 },
    { name: "shared.so", path: "package/shared.so", sha256: inMemory(SHARED).sha256 },
  ];
  return { url: address, bytes: ARCHIVE.length, sha256, files, ...change };
}

function place(wanted: Provider, more: { from?: string } = {}): Promise<void> {
  return placeProvider(wanted, folder, { cacheDir, env: readConfig(WeightsEnvironment, {}), tuning: TUNING, ...more });
}

test("the provider's files are put beside the binding, and nothing else stays", async () => {
  await place(provider());
  expect(readdirSync(folder).sort()).toEqual(["cuda.so", "shared.so"]);
  expect(readFileSync(join(folder, "cuda.so")).equals(CUDA)).toBe(true);
  expect(readFileSync(join(folder, "shared.so")).equals(SHARED)).toBe(true);
  expect(readdirSync(cacheDir)).toEqual([]);
});

test("a fetch that breaks off is gone on with, from the byte where it ended", async () => {
  faults = [
    { kind: "cut", after: 50_000 },
    { kind: "status", status: 404 },
  ];
  await expect(place(provider())).rejects.toThrow("answers 404");
  expect(readdirSync(folder)).toEqual([]);
  expect(readdirSync(cacheDir)).toContain("onnxruntime_gpu.whl.part");
  ranges = [];
  await place(provider());
  expect(readdirSync(folder).sort()).toEqual(["cuda.so", "shared.so"]);
  expect(ranges[0]).toBe(`bytes=50000-${TUNING.chunkBytes - 1}`);
});

test("an archive with another checksum is refused, and nothing is placed or kept", async () => {
  const bytes = Buffer.from(ARCHIVE);
  bytes[1000]! ^= 1;
  content = inMemory(bytes);
  await expect(place(provider())).rejects.toThrow(/sent sha256 \w{64}; sha256 \w{64} is pinned/);
  expect(readdirSync(folder)).toEqual([]);
  expect(readdirSync(cacheDir)).toEqual([]);
});

test("a member with another checksum than its own is refused, and none of the files is placed", async () => {
  const [cuda, shared] = provider().files;
  const wrong = { ...shared!, sha256: cuda!.sha256 };
  await expect(place(provider({ files: [cuda!, wrong] }))).rejects.toThrow(/^shared\.so: sha256 \w+ was unpacked/);
  expect(readdirSync(folder)).toEqual([]);
});

test("the archive's file serves as well as its address, where there is no network", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "armature-wheel-")), "by-hand.whl");
  writeFileSync(file, ARCHIVE);
  await place(provider({ url: "https://nowhere.invalid/onnxruntime_gpu.whl" }), { from: file });
  expect(readdirSync(folder).sort()).toEqual(["cuda.so", "shared.so"]);
  expect(ranges).toEqual([]);
});

test("what lies beside the binding is told by its bytes", async () => {
  const [cuda] = provider().files;
  expect(await fileState(folder, cuda!)).toBe("missing");
  writeFileSync(join(folder, "cuda.so"), "a build for another CUDA");
  expect(await fileState(folder, cuda!)).toBe("other");
  await place(provider());
  expect(await fileState(folder, cuda!)).toBe("pinned");
});
