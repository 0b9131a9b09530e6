/**
 * The Hub's HTTP protocol, as far as fetching needs it: a revision's commit, the tree of files with sizes and hashes, and
 * `resolve`, which answers with the bytes or redirects to a content network. The token goes to the hosts it is meant for
 * and to no other, and never along with a redirect to another host.
 */
import { z } from "zod";
import { type FileHash, hashNamed, SHA1_HEX, SHA256_HEX } from "./file-hash.js";
import { type Headers, type HttpAnswer, type HttpClient, headerValue } from "./http/http-client.js";
import { retryAfterS } from "./retry.js";
import type { Listing, RemoteFile } from "./sources/source.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

export interface HubOptions {
  /** `https://huggingface.co`, or a mirror that speaks the same protocol. */
  endpoint: string;
  token: string | undefined;
  /** Hosts (with the port, if it is not the usual one) that may see the token. */
  tokenHosts: readonly string[];
}

export const HUB_ENDPOINT = "https://huggingface.co";

const MAX_REDIRECTS = 5;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

const Revision = z.object({ sha: z.string().regex(SHA1_HEX) });
const TreePage = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number().int().nonnegative().optional(),
    oid: z.string().optional(),
    lfs: z.object({ oid: z.string().regex(SHA256_HEX), size: z.number().int().nonnegative() }).nullish(),
  }),
);

export class Hub {
  readonly endpoint: URL;

  constructor(
    private readonly http: HttpClient,
    private readonly options: HubOptions,
  ) {
    this.endpoint = new URL(options.endpoint.replace(/\/+$/, ""));
  }

  /** The commit that a branch, tag or commit stands for now. */
  async commitOf(repository: string, revision: string, signal: AbortSignal): Promise<string> {
    if (SHA1_HEX.test(revision)) return revision;
    const url = this.#url(`/api/models/${repository}/revision/${encodeURIComponent(revision)}`);
    const { text } = await this.#api(url, repository, signal);
    return parse(Revision, text, url).sha;
  }

  /** Every file of a repository at a commit. */
  async tree(repository: string, commit: string, signal: AbortSignal): Promise<Listing> {
    const files: RemoteFile[] = [];
    const first = this.#url(`/api/models/${repository}/tree/${commit}?recursive=true`);
    for (let url: URL | undefined = first; url; ) {
      const { text, headers } = await this.#api(url, repository, signal);
      for (const entry of parse(TreePage, text, url)) {
        const { path, oid = "" } = entry;
        const hash: FileHash | undefined = entry.lfs ? { sha256: entry.lfs.oid } : hashNamed(oid);
        if (entry.type === "file") files.push({ path, size: entry.lfs?.size ?? entry.size ?? 0, hash });
      }
      url = nextPage(headers, url);
    }
    const repositoryBytes = files.reduce((sum, { size }) => sum + size, 0);
    return { repository, commit, files, repositoryBytes };
  }

  /** Where the bytes of a file are asked for. */
  resolveUrl(repository: string, commit: string, path: string): URL {
    return this.#url(`/${repository}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`);
  }

  /** The token, if `url`'s host may see it: named as one that may, over TLS or on this machine. */
  authorization(url: URL): Headers {
    const { token, tokenHosts } = this.options;
    const isSafe = url.protocol === "https:" || LOOPBACK.test(url.hostname);
    return token && isSafe && tokenHosts.includes(url.host) ? { authorization: `Bearer ${token}` } : {};
  }

  /** The error that an answer other than 200 stands for. */
  failure(answer: HttpAnswer, repository: string, file?: string): WeightsUnavailable {
    const { status, headers, url } = answer;
    const code = headerValue(headers, "x-error-code");
    const detail = headerValue(headers, "x-error-message");
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
    if (status === 401 || status === 404 || code === "RepoNotFound") return this.#missing(what, url, status, said);
    return new WeightsUnavailable(
      status >= 500 || status === 408 ? "unreachable" : "unexpected-answer",
      `${what}: ${url.host} answers ${status}${said}`,
    );
  }

  #gated(what: string, url: URL, said: string): WeightsUnavailable {
    const page = new URL(what.split("/").slice(0, 2).join("/"), `${this.endpoint.origin}/`);
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
    if (!this.options.token || this.authorization(url).authorization) return "";
    return ` (the token was not sent to ${url.host}; name it in HF_TOKEN_HOSTS if it may have it)`;
  }

  #url(pathAndQuery: string): URL {
    return new URL(this.endpoint.href.replace(/\/+$/, "") + pathAndQuery);
  }

  /** An answer of the API. A renamed repository redirects within the host; anything else is followed nowhere. */
  async #api(start: URL, repository: string, signal: AbortSignal): Promise<{ text: string; headers: Headers }> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.http.text(url, this.authorization(url), signal);
      if (answer.status === 200) return answer;
      const location = redirectTarget(answer);
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

/** Where a redirect leads; undefined for an answer that is none. */
export function redirectTarget({ status, headers, url }: HttpAnswer): URL | undefined {
  const location = headerValue(headers, "location");
  return [301, 302, 303, 307, 308].includes(status) && location ? new URL(location, url) : undefined;
}

/** `Link: <https://…>; rel="next"`. A mirror may name the Hub itself there: the page is asked of the host that we were given. */
function nextPage(headers: Headers, from: URL): URL | undefined {
  const link = /<([^>]+)>\s*;\s*rel="next"/.exec(headerValue(headers, "link") ?? "")?.[1];
  if (!link) return undefined;
  const { pathname, search } = new URL(link, from);
  return new URL(pathname + search, from.origin);
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
