/** A plain HTTP server with the files of a models' folder as they lie there, and its lock file at the top. */
import { InvalidConfig } from "@armature/core";
import { rangeAnswer, rangeHeader } from "../http/byte-range.js";
import { withoutCredentials } from "../http/credentials.js";
import type { Headers, HttpAnswer } from "../http/exchange.js";
import type { HttpClient } from "../http/http-client.js";
import { MAX_REDIRECTS, redirectTarget } from "../http/redirects.js";
import { LOCK_FILE, parseLock, type WeightsLock } from "../lock-file.js";
import { retryAfterS } from "../retry.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { listingFromLock } from "./locked-listing.js";
import type { ByteRange, ByteSink, FileAddress, Listing, WeightSource } from "./source.js";

export class HttpMirror implements WeightSource {
  readonly name: string;
  readonly isLocal = false;
  readonly #base: URL;
  readonly #credentials: Headers;
  #lock: Promise<WeightsLock> | undefined;

  /** Throws InvalidConfig for what is no URL. */
  constructor(
    address: string,
    private readonly http: HttpClient,
  ) {
    if (!URL.canParse(address)) throw new InvalidConfig(`${JSON.stringify(address)} is no URL of a mirror`);
    const { url, credentials } = withoutCredentials(address.endsWith("/") ? address : `${address}/`);
    this.#base = url;
    this.#credentials = credentials;
    this.name = url.href;
  }

  async list(repository: string, revision: string, signal: AbortSignal): Promise<Listing> {
    this.#lock ??= this.#readLock(signal);
    return listingFromLock(await this.#lock, this.name, repository, revision);
  }

  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const path = [...file.repository.split("/"), ...file.path.split("/")].map(encodeURIComponent).join("/");
    let begun = false;
    const answer = await this.#followed(new URL(path, this.#base), (url, credentials) =>
      this.http.stream(url, { ...credentials, ...rangeHeader(range, file.size) }, signal, (answer) => {
        const found = rangeAnswer(answer);
        if (!found) return undefined;
        begun = true;
        sink.begin(found);
        return sink;
      }),
    );
    if (!begun) throw failure(answer);
  }

  close(): Promise<void> {
    return this.http.close();
  }

  /** Follows redirects. Credentials go to the mirror's own origin alone. */
  async #followed<Answer extends HttpAnswer>(
    start: URL,
    ask: (url: URL, credentials: Headers) => Promise<Answer>,
  ): Promise<Answer> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await ask(url, url.origin === this.#base.origin ? this.#credentials : {});
      const target = redirectTarget(answer);
      if (!target) return answer;
      url = target;
    }
    throw new WeightsUnavailable("unexpected-answer", `${start.href}: redirected in circles`);
  }

  async #readLock(signal: AbortSignal): Promise<WeightsLock> {
    const start = new URL(LOCK_FILE, this.#base);
    const answer = await this.#followed(start, (url, credentials) => this.http.text(url, credentials, signal));
    if (answer.status === 200) return parseLock(answer.text, start.href);
    if (answer.status !== 404) throw failure(answer);
    throw new WeightsUnavailable(
      "not-pinned",
      `${this.name} has no ${LOCK_FILE}: serve a models' folder with its lock file`,
    );
  }
}

function failure({ status, url, headers }: HttpAnswer): WeightsUnavailable {
  const text = `${url.href}: answers ${status}`;
  if (status === 404 || status === 410) return new WeightsUnavailable("missing-file", text);
  if (status === 401 || status === 403)
    return new WeightsUnavailable("token-refused", `${text}; the mirror wants a login`);
  if (status === 429 || status === 503) {
    const seconds = retryAfterS(headers["retry-after"]?.toString(), undefined, Date.now());
    return new WeightsUnavailable("rate-limited", text, { retryAfterS: seconds });
  }
  if (status === 416) return new WeightsUnavailable("broken-answer", text);
  return new WeightsUnavailable(status >= 500 ? "unreachable" : "unexpected-answer", text);
}
