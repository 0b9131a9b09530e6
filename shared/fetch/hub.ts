/**
 * The Hub's HTTP protocol, as far as fetching needs it: a revision's commit, the tree of files with sizes and hashes, and
 * `resolve`, which answers with the bytes or redirects to a content network. The token goes to the hosts it is meant for
 * and to no other, and never along with a redirect to another host.
 */
import { z } from "zod";
import { type FileHash, hashNamed, SHA1_HEX, SHA256_HEX } from "./file-hash.js";
import { withoutCredentials } from "./http/credentials.js";
import type { Headers, HttpAnswer } from "./http/exchange.js";
import type { HttpClient } from "./http/http-client.js";
import { MAX_REDIRECTS, nextPage, redirectTarget } from "./http/redirects.js";
import { withinTime } from "./http/within-time.js";
import { hubFailure } from "./hub-failure.js";
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
const LISTING_LIMITS: ListingLimits = { pages: 200, bytes: 64 * 2 ** 20, ms: 120_000 };

export const HUB_ENDPOINT = "https://huggingface.co";

/** Paths of the Hub itself; any other (a content network under the same host) is taken as it is. */
const HUB_PATH = /^\/(api\/|([^/]+\/){1,2}resolve\/)/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

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

  /** Name of the hub in messages: `https://huggingface.co`, or the mirror with its path. */
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
    if (this.#mayHaveToken(url)) return { authorization: `Bearer ${this.options.token}` };
    return url.origin === this.endpoint.origin ? this.#credentials : {};
  }

  #mayHaveToken(url: URL): boolean {
    const { token, tokenHosts } = this.options;
    const isSafe = url.protocol === "https:" || LOOPBACK.test(url.hostname);
    return token !== undefined && isSafe && tokenHosts.includes(url.host);
  }

  /** The error that an answer other than 200 stands for. */
  failure(answer: HttpAnswer, repository: string, file?: string): WeightsUnavailable {
    const what = file ? `${repository}/${file}` : repository;
    const tokenSent = this.#mayHaveToken(answer.url);
    return hubFailure(answer, what, { hub: this.name, hasToken: this.options.token !== undefined, tokenSent });
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
