/** A plain HTTP server with the files of a models' folder as they lie there, and its lock file at the top. */
import { rangeAnswer, rangeHeader } from "../http/byte-range.js";
import type { HttpAnswer, HttpClient } from "../http/http-client.js";
import { LOCK_FILE, parseLock, type WeightsLock } from "../lock-file.js";
import { retryAfterS } from "../retry.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { listingFromLock } from "./locked-listing.js";
import type { ByteRange, ByteSink, FileAddress, Listing, WeightSource } from "./source.js";

export class HttpMirror implements WeightSource {
  readonly name: string;
  readonly isLocal = false;
  readonly #base: URL;
  #lock: Promise<WeightsLock> | undefined;

  constructor(
    url: string,
    private readonly http: HttpClient,
  ) {
    this.#base = new URL(url.endsWith("/") ? url : `${url}/`);
    this.name = this.#base.href;
  }

  async list(repository: string, revision: string, signal: AbortSignal): Promise<Listing> {
    this.#lock ??= this.#readLock(signal);
    return listingFromLock(await this.#lock, this.name, repository, revision);
  }

  async read(file: FileAddress, range: ByteRange, sink: ByteSink, signal: AbortSignal): Promise<void> {
    const path = [...file.repository.split("/"), ...file.path.split("/")].map(encodeURIComponent).join("/");
    let begun = false;
    const answer = await this.http.stream(
      new URL(path, this.#base),
      rangeHeader(range, file.size),
      signal,
      (answer) => {
        const found = rangeAnswer(answer);
        if (!found) return undefined;
        begun = true;
        sink.begin(found);
        return sink;
      },
    );
    if (!begun) throw failure(answer);
  }

  close(): Promise<void> {
    return this.http.close();
  }

  async #readLock(signal: AbortSignal): Promise<WeightsLock> {
    const url = new URL(LOCK_FILE, this.#base);
    const answer = await this.http.text(url, {}, signal);
    if (answer.status === 200) return parseLock(answer.text, url.href);
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
  return new WeightsUnavailable(status >= 500 ? "unreachable" : "unexpected-answer", text);
}
