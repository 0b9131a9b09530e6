import { createServer, type ServerResponse } from "node:http";
import { BudgetFull, Cancelled, inflight } from "@armature/core";
import { sharp } from "@armature/images";
import type { JobContext } from "@armature/jobs";
import { DEFAULT_SOURCE_POLICY } from "@armature/net";
import PQueue from "p-queue";
import { afterEach, expect, test, vi } from "vitest";
import { listen } from "../../../../testing/loopback.js";
import { ControlCache } from "./control-cache.js";
import { type PictureDeps, prepareFiles } from "./prepare.js";
import { PreprocessorClient } from "./preprocessor-client.js";

const PHOTO = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#d02030" } })
  .png()
  .toBuffer();
const MAX_BYTES = 10e6;

const clients: PreprocessorClient[] = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

/** What a preprocessor that answers so is asked with; a quarter of `limitBytes` is for files, six tenths of it for one client. */
async function depsOf(answer: (res: ServerResponse) => unknown, limitBytes: number): Promise<PictureDeps> {
  const urls = [`http://${await listen(createServer((_req, res) => answer(res)))}`];
  const decode = async () => ({ data: new Uint8Array(3), width: 1, height: 1 });
  const preprocessor = new PreprocessorClient({ urls, timeoutMs: 60_000, maxBytes: MAX_BYTES, decode });
  clients.push(preprocessor);
  return {
    preprocessor,
    cache: new ControlCache({ maxBytes: 0, observer: { hit: () => {}, miss: () => {} } }),
    decodeLimits: { maxPixels: 1e6, timeoutS: 60 },
    inflight: inflight(limitBytes),
    warn: () => {},
    sources: DEFAULT_SOURCE_POLICY,
    fetching: new PQueue({ concurrency: 9 }),
    annotation: new PQueue({ concurrency: 9 }),
  };
}

/** A job of `client` whose control image a preprocessor makes of PHOTO; `end` is called as it ends. */
function prepare(deps: PictureDeps, client: string, low_threshold: number) {
  const ends: (() => void)[] = [];
  const leaving = new AbortController();
  const blob = async () => PHOTO;
  const job = { client, blob, signal: leaving.signal, onEnd: (end: () => void) => ends.push(end) };
  const annotation = { processor: "canny", options: { low_threshold }, place: "/controlnets/0/preprocessor" };
  const picture = { place: "/controlnets/0/image", source: "sha256:photo", size: "shape" as const, annotation };
  return {
    prepared: prepareFiles([picture], deps, job as unknown as JobContext),
    leave: () => leaving.abort(new Cancelled()),
    end: () => ends.forEach((end) => void end()),
  };
}

test("a control image's file is held until each job that it is for has ended", async () => {
  const deps = await depsOf((res) => res.end(Buffer.alloc(1_000)), 512e6);
  const { encoded } = deps.inflight;
  const [one, two] = [prepare(deps, "one", 1), prepare(deps, "two", 1)];
  await Promise.all([one.prepared, two.prepared]);
  expect(encoded.heldBytes).toBe(2_000);
  one.end();
  expect(encoded.heldBytes).toBe(1_000);
  two.end();
  expect(encoded.heldBytes).toBe(0);
});

test("answers that do not end hold no more than the budget, one client's no more than its share, and leave nothing", async () => {
  const deps = await depsOf((res) => res.write(Buffer.alloc(1_000_000)), 4 * 4e6);
  const { encoded } = deps.inflight;
  const isHeld = (bytes: number) => vi.waitFor(() => expect(encoded.heldBytes).toBe(bytes), 20_000);
  const first = prepare(deps, "one", 1);
  await isHeld(2e6);
  await expect(prepare(deps, "one", 2).prepared).rejects.toBeInstanceOf(BudgetFull);
  const second = prepare(deps, "two", 3);
  await isHeld(4e6);
  await expect(prepare(deps, "three", 4).prepared).rejects.toBeInstanceOf(BudgetFull);
  for (const { leave, prepared } of [first, second]) {
    leave();
    await expect(prepared).rejects.toBeInstanceOf(Cancelled);
  }
  await isHeld(0);
});
