/** The Hub, or a mirror that speaks its protocol. One `resolve` a file: further ranges go to where it redirected. */
import { hashNamed, hashText } from "../file-hash.js";
import { rangeAnswer, rangeHeader } from "../http/byte-range.js";
import { type HttpAnswer, headerValue } from "../http/exchange.js";
import type { HttpClient } from "../http/http-client.js";
import { MAX_REDIRECTS } from "../http/redirects.js";
import type { Hub } from "../hub.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import type { ByteRange, ByteSink, FileAddress, Listing, WeightSource } from "./source.js";

/** A signed link of the content network that has run out. */
const EXPIRED = [400, 401, 403, 404, 410];

export class HubSource implements WeightSource {
  readonly name: string;
  readonly isLocal = false;
  /** File → its place in the content network. */
  readonly #places = new Map<string, URL>();

  constructor(
    private readonly hub: Hub,
    private readonly http: HttpClient,
  ) {
    this.name = hub.name;
  }

  async list(repository: string, revision: string, signal: AbortSignal): Promise<Listing> {
    return this.hub.tree(repository, await this.hub.commitOf(repository, revision, signal), signal);
  }

  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const key = `${file.repository} ${file.commit} ${file.path}`;
    const resolve = this.hub.resolveUrl(file.repository, file.commit ?? "main", file.path);
    let url = this.#places.get(key) ?? resolve;
    let resolved = url === resolve;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const { begun, answer } = await this.#readFrom(url, file, range, sink, signal);
      if (begun) return;
      const target = this.hub.redirectTarget(answer);
      if (target) {
        if (this.#isElsewhere(target)) this.#places.set(key, target);
        url = target;
        continue;
      }
      const hasExpired = this.#isElsewhere(url) && EXPIRED.includes(answer.status);
      if (hasExpired) this.#places.delete(key);
      if (!hasExpired || resolved) throw this.#failure(answer, file);
      url = resolve;
      resolved = true;
    }
    throw new WeightsUnavailable("unexpected-answer", `${file.repository}/${file.path}: redirected in circles`);
  }

  close(): Promise<void> {
    return this.http.close();
  }

  async #readFrom(
    url: URL,
    file: FileAddress,
    range: ByteRange,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<{ begun: boolean; answer: HttpAnswer }> {
    let begun = false;
    const credentials = this.#isElsewhere(url) ? {} : this.hub.authorization(url);
    const headers = { ...credentials, ...rangeHeader(range, file.size) };
    const answer = await this.http.stream(url, headers, signal, (answer) => {
      if (!this.#isElsewhere(url)) checkIdentity(answer, file);
      const found = rangeAnswer(answer);
      if (!found) return undefined;
      begun = true;
      sink.begin(found);
      return sink;
    });
    return { begun, answer };
  }

  #isElsewhere(url: URL): boolean {
    return url.origin !== this.hub.endpoint.origin;
  }

  #failure(answer: HttpAnswer, { repository, path }: FileAddress): WeightsUnavailable {
    const { url, status } = answer;
    if (!this.#isElsewhere(url) || !EXPIRED.includes(status)) {
      return this.hub.failure(answer, repository, path);
    }
    return new WeightsUnavailable("unexpected-answer", `${repository}/${path}: ${url.host} answers ${status}`);
  }
}

/** The Hub names the content in its headers: other content than was pinned need not be fetched to be refused. */
function checkIdentity({ headers, url }: HttpAnswer, file: FileAddress): void {
  const etag = headerValue(headers, "x-linked-etag") ?? headerValue(headers, "etag") ?? "";
  const found = hashNamed(etag.replace(/^W\//, "").replaceAll('"', ""));
  const { hash } = file;
  const differs =
    (found?.sha256 && hash?.sha256 && found.sha256 !== hash.sha256) ||
    (found?.gitSha1 && hash?.gitSha1 && found.gitSha1 !== hash.gitSha1);
  if (!differs || !found || !hash) return;
  throw new WeightsUnavailable(
    "corrupt",
    `${file.repository}/${file.path}: ${url.host} offers ${hashText(found)}, but ${hashText(hash)} is pinned`,
  );
}
