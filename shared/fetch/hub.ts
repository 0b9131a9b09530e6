/**
 * The Hub's HTTP protocol, as far as fetching needs it: a revision's commit, the tree of files with sizes and hashes, and
 * `resolve`, which answers with the bytes or redirects to a content network. The token goes to the hosts it is meant for
 * and to no other, and never along with a redirect to another host.
 */
import { z } from "zod";
import { type FileHash, hashNamed, SHA1_HEX, SHA256_HEX } from "./file-hash.js";
import { withoutCredentials } from "./http/credentials.js";
import { type Headers, type HttpAnswer, type HttpClient, headerValue } from "./http/http-client.js";
import { MAX_REDIRECTS, nextPage, redirectTarget } from "./http/redirects.js";
import { withinTime } from "./http/within-time.js";
import { retryAfterS } from "./retry.js";
import type { Listing, RemoteFile } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

export interface HubOptions {
  /** `https://huggingface.co`, or a mirror that speaks the same protocol. */
  endpoint: string;
  token: string | undefined;
  /** Hosts (with the port, if it is not the usual one) that may see the token. */
  tokenHosts: readonly string[];
  limits?: ListingLimits;
}

/** What the list of a repository's files may take, over all its pages. */
export interface ListingLimits {
  pages: number;
  bytes: number;
  ms: number;
}

/** A page lists 1000 files; the largest repositories hold some ten thousands. */
export const LISTING_LIMITS: ListingLimits = { pages: 200, bytes: 64 * 2 ** 20, ms: 120_000 };

export const HUB_ENDPOINT = "https://huggingface.co";

/** Paths of the Hub itself; any other (a content network under the same host) is taken as it is. */
const HUB_PATH = /^\/(api\/|([^/]+\/){1,2}resolve\/)/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Characters of what a server says that a message repeats. */
const MOST_SAID = 300;

const Revision = z.object({ sha: z.string().regex(SHA1_HEX) });
const TreeEntry = z.object({
  type: z.string(),
  path: z.string(),
  size: z.number().int().nonnegative().optional(),
  oid: z.string().optional(),
  lfs: z.object({ oid: z.string().regex(SHA256_HEX), size: z.number().int().nonnegative() }).nullish(),
});
type TreeEntry = z.infer<typeof TreeEntry>;

export class Hub {
  readonly endpoint: URL;
  readonly #credentials: Headers;

  constructor(
    private readonly http: HttpClient,
    private readonly options: HubOptions,
  ) {
    const { url, credentials } = withoutCredentials(options.endpoint.replace(/\/+$/, ""));
    this.endpoint = url;
    this.#credentials = credentials;
  }

  /** For messages: `https://huggingface.co`, or the mirror with its path. */
  get name(): string {
    return this.endpoint.href.replace(/\/+$/, "");
  }

  /** The commit that a branch, tag or commit stands for now. */
  async commitOf(repository: string, revision: string, signal: AbortSignal): Promise<string> {
    if (SHA1_HEX.test(revision)) return revision;
    const url = this.#url(`/api/models/${repository}/revision/${encodeURIComponent(revision)}`);
    const { text } = await this.#api(url, repository, signal);
    return parse(Revision, text, url).sha;
  }

  /** Every file of a repository at a commit. Throws WeightsUnavailable for a list without an end. */
  async tree(repository: string, commit: string, signal: AbortSignal): Promise<Listing> {
    const { ms } = this.#limits;
    const files = await withinTime(`${repository}: the list of its files`, ms, signal, (signal) =>
      this.#allFiles(repository, commit, signal),
    );
    const repositoryBytes = files.reduce((sum, { size }) => sum + size, 0);
    return { repository, commit, files, repositoryBytes };
  }

  async #allFiles(repository: string, commit: string, signal: AbortSignal): Promise<RemoteFile[]> {
    const files: RemoteFile[] = [];
    const asked = new Set<string>();
    let bytes = 0;
    const first = this.#url(`/api/models/${repository}/tree/${commit}?recursive=true`);
    for (let url: URL | undefined = first; url; ) {
      if (asked.has(url.href) || asked.size >= this.#limits.pages || bytes > this.#limits.bytes) {
        const read = `${asked.size} pages, ${(bytes / 1e6).toFixed(1)} MB`;
        throw new WeightsUnavailable(
          "unexpected-answer",
          `${url.host} lists files of ${repository} without end (${read})`,
        );
      }
      asked.add(url.href);
      const answer = await this.#api(url, repository, signal);
      bytes += answer.text.length;
      const entries = parse(z.array(TreeEntry), answer.text, url).filter(({ type }) => type === "file");
      files.push(...entries.map((entry) => remoteFile(entry, repository)));
      const next = nextPage(answer);
      // A mirror may name the Hub itself there: the page is asked of the host that we were given.
      url = next && this.#underEndpoint(new URL(next.pathname + next.search, this.endpoint.origin));
    }
    return files;
  }

  /** Where the bytes of a file are asked for. */
  resolveUrl(repository: string, commit: string, path: string): URL {
    return this.#url(`/${repository}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`);
  }

  /** The token, if `url`'s host may see it: named as one that may, over TLS or on this machine. Else what the endpoint names. */
  authorization(url: URL): Headers {
    const { token, tokenHosts } = this.options;
    const isSafe = url.protocol === "https:" || LOOPBACK.test(url.hostname);
    if (token && isSafe && tokenHosts.includes(url.host)) return { authorization: `Bearer ${token}` };
    return url.origin === this.endpoint.origin ? this.#credentials : {};
  }

  /** The error that an answer other than 200 stands for. */
  failure(answer: HttpAnswer, repository: string, file?: string): WeightsUnavailable {
    const { status, headers, url } = answer;
    const code = headerValue(headers, "x-error-code");
    const detail = headerValue(headers, "x-error-message")?.slice(0, MOST_SAID);
    const what = file ? `${repository}/${file}` : repository;
    const said = detail ? ` (${url.host} says: ${detail})` : "";
    if (status === 429) {
      const seconds = retryAfterS(headerValue(headers, "retry-after"), headerValue(headers, "ratelimit"), Date.now());
      const wait = seconds === undefined ? "" : `; it asks to wait ${Math.ceil(seconds)} s`;
      const hint = this.options.token ? "" : ". A token (HF_TOKEN) allows more requests";
      return new WeightsUnavailable("rate-limited", `${url.host} limits the rate of requests${wait}${hint}`, {
        retryAfterS: seconds,
      });
    }
    if (/access to this resource is disabled/i.test(detail ?? "")) {
      return new WeightsUnavailable("taken-down", `${what}: the Hub has disabled this repository${said}`);
    }
    if (code === "GatedRepo" || status === 403) return this.#gated(what, url, said);
    if (code === "RevisionNotFound") {
      return new WeightsUnavailable("missing-revision", `${what}: no such revision: ${url.pathname}${said}`);
    }
    if (code === "EntryNotFound") return new WeightsUnavailable("missing-file", `${what}: no such file${said}`);
    if (status === 401 || status === 404 || status === 410 || code === "RepoNotFound")
      return this.#missing(what, url, status, said);
    return new WeightsUnavailable(reasonOf(status), `${what}: ${url.host} answers ${status}${said}`);
  }

  #gated(what: string, url: URL, said: string): WeightsUnavailable {
    const page = `${this.name}/${what.split("/").slice(0, 2).join("/")}`;
    const advice = this.options.token
      ? `Accept its terms at ${page} with the account of HF_TOKEN, and give the token the right to read gated repositories${this.#unsentToken(url)}`
      : `Accept its terms at ${page}, then set HF_TOKEN`;
    return new WeightsUnavailable("gated", `${what} is gated. ${advice}${said}`);
  }

  /** The Hub answers 401 also for a repository that does not exist, so as not to tell private ones apart. */
  #missing(what: string, url: URL, status: number, said: string): WeightsUnavailable {
    const { token } = this.options;
    const why = token ? "or the token (HF_TOKEN) may not read it" : "or is private and needs a token (HF_TOKEN)";
    const reason = status === 401 && token && /invalid|expired/i.test(said) ? "token-refused" : "missing-repository";
    if (reason === "token-refused")
      return new WeightsUnavailable(reason, `${what}: the token (HF_TOKEN) is refused${said}`);
    return new WeightsUnavailable(
      reason,
      `${what} does not exist, was removed, ${why}${this.#unsentToken(url)}${said}`,
    );
  }

  #unsentToken(url: URL): string {
    const sent = this.authorization(url).authorization?.toString() ?? "";
    if (!this.options.token || sent.startsWith("Bearer")) return "";
    return ` (the token was not sent to ${url.host}; name it in HF_TOKEN_HOSTS if it may have it)`;
  }

  get #limits(): ListingLimits {
    return this.options.limits ?? LISTING_LIMITS;
  }

  /** Where a redirect within the Hub leads, under the mirror's path also where the mirror passes on the Hub's own. */
  redirectTarget(answer: HttpAnswer): URL | undefined {
    const target = redirectTarget(answer);
    return target && this.#underEndpoint(target);
  }

  #underEndpoint(url: URL): URL {
    const prefix = this.endpoint.pathname.replace(/\/+$/, "");
    if (url.origin !== this.endpoint.origin || url.pathname.startsWith(`${prefix}/`)) return url;
    return HUB_PATH.test(url.pathname) ? new URL(prefix + url.pathname + url.search, url.origin) : url;
  }

  #url(pathAndQuery: string): URL {
    return new URL(this.name + pathAndQuery);
  }

  /** An answer of the API. A renamed repository redirects within the host; anything else is followed nowhere. */
  async #api(start: URL, repository: string, signal: AbortSignal): Promise<HttpAnswer & { text: string }> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.http.text(url, this.authorization(url), signal);
      if (answer.status === 200) return answer;
      const location = this.redirectTarget(answer);
      if (!location) throw this.failure(answer, repository);
      if (location.origin !== url.origin) break;
      url = location;
    }
    throw new WeightsUnavailable(
      "unexpected-answer",
      `${repository}: ${start.host} redirects its API elsewhere, or in circles`,
    );
  }
}

/** What may pass (RFC 9110, section 15; 416: the file has changed under its address), and what is an answer for good. */
function reasonOf(status: number): "unreachable" | "broken-answer" | "unexpected-answer" {
  if (status >= 500 || status === 408 || status === 425) return "unreachable";
  return status === 416 ? "broken-answer" : "unexpected-answer";
}

/** Throws WeightsUnavailable for a file of unknown size: it could never be told whether it is whole. */
function remoteFile({ path, oid = "", size, lfs }: TreeEntry, repository: string): RemoteFile {
  const bytes = lfs?.size ?? size;
  const hash: FileHash | undefined = lfs ? { sha256: lfs.oid } : hashNamed(oid);
  if (bytes !== undefined) return { path, size: bytes, hash };
  throw new WeightsUnavailable(
    "unexpected-answer",
    `${repository}: ${JSON.stringify(path)} is listed without its size`,
  );
}

function parse<Schema extends z.ZodType>(schema: Schema, text: string, url: URL): z.infer<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new WeightsUnavailable("unexpected-answer", `${url}: the answer is not JSON`, { cause });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new WeightsUnavailable("unexpected-answer", `${url}: the answer is not what the Hub's protocol promises`, {
    cause: result.error,
  });
}
