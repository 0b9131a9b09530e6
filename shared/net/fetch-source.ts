/**
 * Fetches what a URL named by a client leads to, without becoming the client's hand inside our network (server-side request
 * forgery, OWASP API7): public addresses only, each name resolved once and pinned, the connected address and every redirect
 * checked, bytes and time bounded. Proxies in the environment play no part: they would hide the address from the check.
 */
import { setMaxListeners } from "node:events";
import type { Socket, TcpNetConnectOpts } from "node:net";
import { AppError, Cancelled, unlessAborted } from "@armature/core";
import { Client, type Dispatcher } from "undici";
import { SourceForbidden, SourceUnreachable } from "./errors.js";
import { guardedConnector } from "./guarded-connector.js";
import { foreignLookUp, type LookUp, ownLookUp } from "./look-up.js";
import { isPublicAddress } from "./public-address.js";
import { type ReadLimits, readBounded } from "./read-bounded.js";
import { type SourceUrl, sourceUrl, type UrlRules } from "./source-url.js";

export interface SourcePolicy extends UrlRules {
  /** Largest body, on the wire and after decompression. */
  maxBytes: number;
  maxRedirects: number;
  /** Milliseconds from the turn of a name's look-up to the end of the answer's headers, anew for each redirect. */
  headersMs: number;
  /** Milliseconds for everything, redirects and body included. */
  totalMs: number;
}

export const DEFAULT_SOURCE_POLICY: SourcePolicy = {
  ports: [80, 443],
  privateHosts: [],
  maxBytes: 32 * 2 ** 20,
  maxRedirects: 3,
  headersMs: 5_000,
  totalMs: 15_000,
};

const lookUpForeign = foreignLookUp();

export interface SourceOptions {
  policy: SourcePolicy;
  /** Ends the fetch with Cancelled. */
  signal?: AbortSignal | undefined;
  /** For whom it is fetched: the look-ups of one client's names leave room for others'. */
  client?: string | undefined;
  /** Told how many bytes of the answer will be held from now on, before they are; what it throws ends the fetch. */
  hold?: ((bytes: number) => void) | undefined;
  /** All addresses of a name. Default: from DNS for foreign names, from the system for those that the operator configured. */
  resolve?: LookUp | undefined;
  /** Opens a TCP connection; `net.connect` but in tests. */
  open?: (options: TcpNetConnectOpts) => Socket;
}

/**
 * The bytes behind an http or https URL. Throws SourceForbidden (URL, address or redirect not permitted), SourceUnreachable (no
 * name, no connection, no 200, too slow), ImageTooLarge (more than `maxBytes`) or Cancelled. Messages name the host, never an
 * address or a path.
 */
export async function fetchSource(text: string, options: SourceOptions): Promise<Buffer> {
  const { policy, signal } = options;
  const abort = new AbortController();
  setMaxListeners(0, abort.signal); // each redirect adds three; they go with the signal
  const cancel = () => abort.abort(new Cancelled());
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  const timer = setTimeout(() => abort.abort(tooSlow(policy.totalMs)), policy.totalMs);
  try {
    return await follow(text, options, abort);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    abort.abort(); // ends what is still open: a redirect's body, a second connection attempt
  }
}

async function follow(text: string, options: SourceOptions, abort: AbortController): Promise<Buffer> {
  const { policy } = options;
  let source = sourceUrl(text, policy);
  for (let redirects = 0; redirects <= policy.maxRedirects; redirects++) {
    const answer = await hop(source, options, abort);
    if (Buffer.isBuffer(answer)) return answer;
    source = sourceUrl(answer.redirect, policy);
  }
  throw new SourceForbidden(`${source.hostname}: more than ${policy.maxRedirects} redirects; send the final URL`);
}

type HopAnswer = Buffer | { redirect: string };

/** Makes one request; gives its body, or the address that it redirects to. */
async function hop(source: SourceUrl, options: SourceOptions, abort: AbortController): Promise<HopAnswer> {
  const { policy, open } = options;
  const permits = (address: string) => source.mayBePrivate || isPublicAddress(address);
  const refusal = () =>
    new SourceForbidden(`${source.hostname} is not a host on the public internet; send the picture itself`);
  let timer: NodeJS.Timeout | undefined;
  const onTurn = () => {
    timer ??= setTimeout(() => abort.abort(tooSlow(policy.headersMs)), policy.headersMs);
  };
  let client: Client | undefined;
  try {
    const addresses = await resolved(source, options, abort.signal, onTurn);
    onTurn(); // an address that is no name has no look-up
    if (!addresses.every(permits)) throw refusal();
    const connect = guardedConnector({ addresses, permits, refusal, open, signal: abort.signal });
    client = new Client(source.url.origin, { connect, headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: 16_384 });
    const response = await client.request({
      method: "GET",
      path: source.url.pathname + source.url.search,
      headers: { accept: "image/*", "accept-encoding": "identity", "user-agent": "armature" },
      signal: abort.signal,
    });
    clearTimeout(timer);
    return await answered(source, response, { maxBytes: policy.maxBytes, hold: options.hold });
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : failure(source, error);
  } finally {
    clearTimeout(timer);
    client?.destroy().catch(() => undefined); // it is gone either way
  }
}

async function resolved(
  { hostname, mayBePrivate }: SourceUrl,
  { resolve, client }: SourceOptions,
  signal: AbortSignal,
  onTurn: () => void,
) {
  signal.throwIfAborted();
  const lookUp = resolve ?? (mayBePrivate ? ownLookUp : lookUpForeign);
  const addresses = await unlessAborted(lookUp(hostname, signal, { client, onTurn }), signal);
  if (addresses.length === 0) throw new SourceUnreachable(`${hostname} has no address`);
  return addresses;
}

async function answered(source: SourceUrl, response: Dispatcher.ResponseData, limits: ReadLimits): Promise<HopAnswer> {
  const { statusCode, headers, body } = response;
  body.on("error", () => undefined); // who reads it gets the error too; a redirect's body is read by nobody
  const location = headers.location;
  if ([301, 302, 303, 307, 308].includes(statusCode) && typeof location === "string") {
    const base = source.url.href;
    return { redirect: URL.canParse(location, base) ? new URL(location, base).href : location };
  }
  if (statusCode !== 200) throw new SourceUnreachable(`${source.hostname} answered with status ${statusCode}, not 200`);
  return readBounded(body, headers, limits);
}

function failure({ hostname }: SourceUrl, error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new SourceUnreachable(`${hostname} could not be reached, or broke off its answer`, { cause: error });
}

const tooSlow = (ms: number) => new SourceUnreachable(`The picture's URL did not answer within ${ms / 1000} s`);
