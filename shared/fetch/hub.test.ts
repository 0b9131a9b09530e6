/** The Hub's protocol: what is asked for, who sees the token, and what each refusal is called. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inMemory, noise, text } from "./testing/content.js";
import { DEPTH, depth, WEIGHTS, WeightsLab } from "./testing/weights-lab.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

const TOKEN = "hf_secretsecret";
const signal = new AbortController().signal;

let lab: WeightsLab;
beforeEach(async () => {
  lab = await WeightsLab.open();
});
afterEach(() => lab.close());

function withToken() {
  return { token: TOKEN, tokenHosts: [new URL(lab.server.endpoint).host] };
}

test("a tree is read page by page: folders are left out, LFS objects have their sha256, small files their blob id", async () => {
  const bytes = lab.publishControlnet(5000);
  const hub = lab.hub();
  const commit = await hub.commitOf(DEPTH, "main", signal);
  const listing = await hub.tree(DEPTH, commit, signal);
  expect(listing.files.length).toBe(5);
  expect(lab.server.count(/tree/)).toBe(2);
  expect(listing.files.find(({ path }) => path === WEIGHTS)).toEqual({
    path: WEIGHTS,
    size: 5000,
    hash: { sha256: inMemory(bytes).sha256 },
  });
  const config = listing.files.find(({ path }) => path === "config.json");
  expect(config?.hash).toEqual({ gitSha1: text('{"_class_name": "ControlNetModel"}').gitSha1 });
  expect(listing.repositoryBytes).toBe(5000 + 2 * 10_000 + 34 + 9);
  expect(await hub.commitOf(DEPTH, commit, signal)).toBe(commit);
  expect(lab.server.count(/revision/)).toBe(1);
});

test("the token goes to the host that may see it, and to no other, redirects included", async () => {
  lab.publishControlnet(50_000);
  lab.server.protect(DEPTH, TOKEN, false);
  await lab.fetch(depth(), { source: lab.source(withToken()) });
  const seen = (host: string) => lab.server.requests.filter((request) => request.host === host);
  expect(seen("hub").every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true);
  expect(seen("cdn").length).toBeGreaterThan(0);
  expect(seen("cdn").every(({ authorization }) => authorization === undefined)).toBe(true);
});

test("a mirror that is not named does not get the token, and the error says so", async () => {
  lab.publishControlnet(50_000);
  lab.server.protect(DEPTH, TOKEN, false);
  const source = lab.source({ token: TOKEN, tokenHosts: ["huggingface.co"] });
  const error = await lab.fetch(depth(), { source }).catch((reason: unknown) => reason);
  expect((error as Error).message).toContain("name it in HF_TOKEN_HOSTS");
  expect(lab.server.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
});

test("the token is not sent without TLS, except on this machine", () => {
  const hub = lab.hub({ token: TOKEN, tokenHosts: ["example.org", "127.0.0.1", "[::1]"] });
  const sent = (url: string) => hub.authorization(new URL(url)).authorization !== undefined;
  expect(sent("https://example.org/x")).toBe(true);
  expect(sent("http://example.org/x")).toBe(false);
  expect(sent("https://example.org.evil.net/x")).toBe(false);
  expect(sent("https://evil.net/?example.org")).toBe(false);
  expect(sent("http://127.0.0.1/x")).toBe(true);
  expect(sent("https://example.org:444/x")).toBe(false);
});

test.each([
  [401, {}, "missing-repository", "does not exist, was removed, or is private and needs a token (HF_TOKEN)"],
  [404, { "x-error-code": "RepoNotFound" }, "missing-repository", "does not exist"],
  [403, { "x-error-code": "GatedRepo" }, "gated", "is gated. Accept its terms at http://"],
  [401, { "x-error-code": "GatedRepo" }, "gated", "then set HF_TOKEN"],
  [404, { "x-error-code": "RevisionNotFound" }, "missing-revision", "no such revision"],
  [404, { "x-error-code": "EntryNotFound" }, "missing-file", "no such file"],
  [403, { "x-error-message": "Access to this resource is disabled." }, "taken-down", "has disabled this repository"],
  [429, { "retry-after": "120" }, "rate-limited", "asks to wait 120 s. A token (HF_TOKEN) allows more"],
  [429, { ratelimit: '"api";r=0;t=55' }, "rate-limited", "asks to wait 56 s"],
  [503, {}, "unreachable", "answers 503"],
  [418, {}, "unexpected-answer", "answers 418"],
])("%i %j is %s", async (status, headers, reason, message) => {
  lab.publishControlnet(5000);
  lab.server.fault = () => ({ kind: "status", status, headers: headers as unknown as Record<string, string> });
  const error = await lab.fetch().catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(WeightsUnavailable);
  expect((error as WeightsUnavailable).reason).toBe(reason);
  expect((error as Error).message).toContain(message);
});

test("a token that is refused is called that, and never shown", async () => {
  lab.publishControlnet(5000);
  lab.server.fault = () => ({ kind: "status", status: 401, headers: { "x-error-message": "Invalid credentials" } });
  const error = await lab.fetch(depth(), { source: lab.source(withToken()) }).catch((cause: unknown) => cause);
  expect((error as WeightsUnavailable).reason).toBe("token-refused");
  expect(JSON.stringify(error) + (error as Error).message).not.toContain("secretsecret");
});

test("a hub that offers other content than is pinned is refused before it is fetched", async () => {
  const bytes = lab.publishControlnet(50_000);
  await lab.fetch();
  const locked = await lab.lock();
  locked.repositories[DEPTH]!.files[WEIGHTS]!.sha256 = "0".repeat(64);
  expect(bytes.length).toBe(50_000);
  const file = {
    repository: DEPTH,
    commit: locked.repositories[DEPTH]!.commit!,
    path: WEIGHTS,
    size: 50_000,
    hash: { sha256: "0".repeat(64) },
  };
  const sink = { begin: () => {}, write: () => undefined };
  const reading = lab.source().read(file, { start: 0, end: 50_000 }, sink, signal);
  await expect(reading).rejects.toThrow(/offers sha256 [0-9a-f]{64}, but sha256 0{64} is pinned/);
});

test("a renamed repository is followed within the host; an API that redirects elsewhere is not", async () => {
  const seen: string[] = [];
  const server = createServer((req, res) => {
    seen.push(`${req.headers.host}${req.url}`);
    if (req.url?.includes("old/name")) res.writeHead(307, { location: "/api/models/new/name/revision/main" }).end();
    else if (req.url?.includes("evil/name")) res.writeHead(307, { location: "http://localhost:1/steal" }).end();
    else res.writeHead(200).end(JSON.stringify({ sha: "a".repeat(40) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const hub = lab.hub({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
    expect(await hub.commitOf("old/name", "main", signal)).toBe("a".repeat(40));
    await expect(hub.commitOf("evil/name", "main", signal)).rejects.toThrow(/redirects its API elsewhere/);
    expect(seen.length).toBe(3);
  } finally {
    server.close();
  }
});

test("an answer that is not what the protocol promises is named, not believed", async () => {
  let body = "<html>";
  const server = createServer((_req, res) => res.writeHead(200).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const hub = lab.hub({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await expect(hub.commitOf("a/b", "main", signal)).rejects.toThrow(/is not JSON/);
    body = JSON.stringify({ sha: "../../x" });
    await expect(hub.commitOf("a/b", "main", signal)).rejects.toThrow(/not what the Hub's protocol promises/);
    body = JSON.stringify([{ type: "file", path: "x", size: 1, oid: "1", lfs: { oid: "short", size: 1 } }]);
    await expect(hub.tree("a/b", "c".repeat(40), signal)).rejects.toThrow(/protocol promises/);
  } finally {
    server.close();
  }
});

test("files of a subfolder, with blanks and other letters in their names", async () => {
  const files = {
    "config.json": text("{}"),
    "model.safetensors": inMemory(noise(2000, 1)),
    "sub dir/ä#1.json": text("[1]"),
  };
  lab.server.publish("some/model", files);
  const wanted = { smallest: false, files: new Map([["sub dir/ä#1.json", 3]]), optional: new Set<string>() };
  await lab.fetch([{ ...depth()[0]!, repository: "some/model", wanted }]);
  expect((await lab.read("sub dir/ä#1.json", "some/model")).toString()).toBe("[1]");
});
