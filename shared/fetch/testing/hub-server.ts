/**
 * A Hub on loopback that speaks its protocol: revisions, trees in pages, `resolve` with redirects to a second host for large
 * files, ETag and X-Linked headers, ranges. It can misbehave in every way that networks do.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Content } from "./content.js";
import { sendContent } from "./content-answer.js";
import type { Fault } from "./faults.js";

export interface SeenRequest {
  host: "hub" | "cdn";
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** Files of at least this size are LFS objects: a sha256 in the tree, and a redirect to the second host. */
const LFS_BYTES = 1000;
const PAGE_ENTRIES = 3;

type Files = Record<string, Content>;

export class HubServer {
  readonly requests: SeenRequest[] = [];
  /** Body bytes of files that were handed to sockets. */
  bytesSent = 0;
  /** Decides what goes wrong with a request; undefined: nothing. */
  fault: ((request: SeenRequest, index: number) => Fault | undefined) | undefined;
  /** Answers in the Hub's place where it returns true: for a hub that breaks its own protocol. */
  intercept: ((request: SeenRequest, res: ServerResponse) => boolean) | undefined;
  /** Bytes a second and connection; undefined: as fast as it goes. */
  bytesPerSecond: number | undefined;

  readonly #commits = new Map<string, Map<string, Files>>();
  readonly #heads = new Map<string, string>();
  readonly #guards = new Map<string, { token: string; gated: boolean }>();
  readonly #links = new Map<string, Content>();
  readonly #servers: Server[] = [];
  #hosts = { hub: "", cdn: "" };

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    const hub = await server.#listen((req, res) => server.#take("hub", req, res));
    const cdn = await server.#listen((req, res) => server.#take("cdn", req, res));
    server.#hosts = { hub, cdn };
    return server;
  }

  get endpoint(): string {
    return `http://${this.#hosts.hub}`;
  }

  /** `127.0.0.1:port` of the host that large files come from. */
  get cdnHost(): string {
    return this.#hosts.cdn;
  }

  /** Puts files at `main`, under a commit of their own, which is returned. Earlier commits stay. */
  publish(repository: string, files: Files): string {
    const lines = Object.entries(files).map(([path, { sha256 }]) => `${path} ${sha256}`);
    const commit = createHash("sha1")
      .update([repository, ...lines].join("\n"))
      .digest("hex");
    const commits = this.#commits.get(repository) ?? new Map<string, Files>();
    this.#commits.set(repository, commits.set(commit, files));
    this.#heads.set(repository, commit);
    return commit;
  }

  /** Only requests with `token` may read the repository; others get 401, or 403 for a gated one. */
  protect(repository: string, token: string, gated: boolean): void {
    this.#guards.set(repository, { token, gated });
  }

  remove(repository: string): void {
    this.#commits.delete(repository);
    this.#heads.delete(repository);
  }

  /** Requests whose path matches, so far. */
  count(path: RegExp): number {
    return this.requests.filter((request) => path.test(request.path)).length;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #take(host: "hub" | "cdn", req: IncomingMessage, res: ServerResponse): void {
    const { authorization, range } = req.headers;
    const request = { host, path: req.url ?? "", range, authorization };
    this.requests.push(request);
    const fault = this.fault?.(request, this.requests.length - 1);
    res.on("error", () => {});
    if (this.intercept?.(request, res)) return;
    if (fault?.kind === "refuse") req.socket.destroy();
    else if (fault?.kind === "status") res.writeHead(fault.status, fault.headers).end("no");
    else if (host === "hub") this.#answerHub(res, request, fault);
    else this.#answerContent(res, request, this.#links.get(request.path), fault);
  }

  #answerHub(res: ServerResponse, request: SeenRequest, fault: Fault | undefined): void {
    const url = new URL(request.path, this.endpoint);
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)$/.exec(url.pathname);
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const repository = api?.[1] ?? resolve?.[1] ?? "";
    const refusal = this.#refusal(repository, request.authorization);
    const revision = decodeURIComponent(api?.[3] ?? resolve?.[2] ?? "");
    const commit = revision === "main" ? (this.#heads.get(repository) ?? "") : revision;
    const files = this.#commits.get(repository)?.get(commit);
    const path = decodeURIComponent(resolve?.[3] ?? "");
    const content = files?.[path];

    if (refusal) res.writeHead(refusal.status, { "x-error-code": refusal.code }).end("{}");
    else if (!files) res.writeHead(404, { "x-error-code": "RevisionNotFound" }).end("{}");
    else if (api?.[2] === "revision") json(res, { id: repository, sha: commit });
    else if (api) this.#answerTree(res, url, files);
    else if (content) this.#answerFile(res, request, content, fault);
    else res.writeHead(404, { "x-error-code": "EntryNotFound" }).end("no");
  }

  #refusal(repository: string, authorization: string | undefined): { status: number; code: string } | undefined {
    if (!this.#heads.has(repository)) return { status: 401, code: "RepoNotFound" };
    const guard = this.#guards.get(repository);
    if (!guard || authorization === `Bearer ${guard.token}`) return undefined;
    return guard.gated ? { status: 403, code: "GatedRepo" } : { status: 401, code: "RepoNotFound" };
  }

  #answerTree(res: ServerResponse, url: URL, files: Files): void {
    const cursor = Number(url.searchParams.get("cursor") ?? 0);
    const folders = new Set(Object.keys(files).map((path) => path.split("/").slice(0, -1).join("/")));
    folders.delete("");
    const entries = [
      ...[...folders].map((path) => ({ type: "directory", path, size: 0, oid: "0".repeat(40) })),
      ...Object.entries(files).map(([path, { size, sha256, gitSha1 }]) => {
        const lfs = size >= LFS_BYTES ? { lfs: { oid: sha256, size, pointerSize: 134 } } : {};
        return { type: "file", path, size, oid: gitSha1, ...lfs };
      }),
    ];
    const next = cursor + PAGE_ENTRIES;
    if (next < entries.length) {
      url.searchParams.set("cursor", String(next));
      res.setHeader("link", `<${url.href}>; rel="next"`);
    }
    json(res, entries.slice(cursor, next));
  }

  #answerFile(res: ServerResponse, request: SeenRequest, content: Content, fault: Fault | undefined): void {
    if (content.size < LFS_BYTES) {
      res.setHeader("etag", `"${content.gitSha1}"`);
      this.#answerContent(res, request, content, fault);
      return;
    }
    const key = `/${content.sha256}`;
    this.#links.set(key, content);
    const identity = { "x-linked-etag": `"${content.sha256}"`, "x-linked-size": content.size };
    res.writeHead(302, { ...identity, location: `http://${this.cdnHost}${key}` }).end("Found. Redirecting");
  }

  #answerContent(
    res: ServerResponse,
    request: SeenRequest,
    content: Content | undefined,
    fault: Fault | undefined,
  ): void {
    if (!content) {
      res.writeHead(403).end("no such link");
      return;
    }
    const onSent = (count: number) => {
      this.bytesSent += count;
    };
    void sendContent(res, content, { range: request.range, fault, bytesPerSecond: this.bytesPerSecond, onSent });
  }
}

function json(res: ServerResponse, value: unknown): void {
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
