/** What a refusal of the Hub means: its X-Error-Code and X-Error-Message, and statuses that say less than they seem to. */
import { type HttpAnswer, headerValue } from "./http/exchange.js";
import { retryAfterS } from "./retry.js";
import { WeightsUnavailable } from "./weights-unavailable.js";

/** What the message may have to say of us. */
interface Asker {
  /** `https://huggingface.co`, or the mirror. */
  hub: string;
  hasToken: boolean;
  /** Whether the token went along with the request. */
  tokenSent: boolean;
}

/** Characters of what a server says that a message repeats. */
const MOST_SAID = 300;

/** The error that an answer other than 200 stands for. `what`: the repository, or a file of it, as `owner/name/path`. */
export function hubFailure(answer: HttpAnswer, what: string, asker: Asker): WeightsUnavailable {
  const { status, headers, url } = answer;
  const code = headerValue(headers, "x-error-code");
  const detail = headerValue(headers, "x-error-message")?.slice(0, MOST_SAID);
  const said = detail ? ` (${url.host} says: ${detail})` : "";
  if (status === 429) return rateLimited(answer, asker);
  if (/access to this resource is disabled/i.test(detail ?? "")) {
    return new WeightsUnavailable("taken-down", `${what}: the Hub has disabled this repository${said}`);
  }
  if (code === "GatedRepo" || status === 403) return gated(what, url, said, asker);
  if (code === "RevisionNotFound") {
    return new WeightsUnavailable("missing-revision", `${what}: no such revision: ${url.pathname}${said}`);
  }
  if (code === "EntryNotFound") return new WeightsUnavailable("missing-file", `${what}: no such file${said}`);
  if ([401, 404, 410].includes(status) || code === "RepoNotFound") return missing(what, answer, said, asker);
  return new WeightsUnavailable(reasonOf(status), `${what}: ${url.host} answers ${status}${said}`);
}

function rateLimited({ headers, url }: HttpAnswer, { hasToken }: Asker): WeightsUnavailable {
  const seconds = retryAfterS(headerValue(headers, "retry-after"), headerValue(headers, "ratelimit"), Date.now());
  const wait = seconds === undefined ? "" : `; it asks to wait ${Math.ceil(seconds)} s`;
  const hint = hasToken ? "" : ". A token (HF_TOKEN) allows more requests";
  const text = `${url.host} limits the rate of requests${wait}${hint}`;
  return new WeightsUnavailable("rate-limited", text, { retryAfterS: seconds });
}

function gated(what: string, url: URL, said: string, asker: Asker): WeightsUnavailable {
  const page = `${asker.hub}/${what.split("/").slice(0, 2).join("/")}`;
  const rights = "and give the token the right to read gated repositories";
  const advice = asker.hasToken
    ? `Accept its terms at ${page} with the account of HF_TOKEN, ${rights}${unsentToken(url, asker)}`
    : `Accept its terms at ${page}, then set HF_TOKEN`;
  return new WeightsUnavailable("gated", `${what} is gated. ${advice}${said}`);
}

/** The Hub answers 401 also for a repository that does not exist, so as not to tell private ones apart. */
function missing(what: string, { status, url }: HttpAnswer, said: string, asker: Asker): WeightsUnavailable {
  if (status === 401 && asker.hasToken && /invalid|expired/i.test(said)) {
    return new WeightsUnavailable("token-refused", `${what}: the token (HF_TOKEN) is refused${said}`);
  }
  const why = asker.hasToken ? "or the token (HF_TOKEN) may not read it" : "or is private and needs a token (HF_TOKEN)";
  const text = `${what} does not exist, was removed, ${why}${unsentToken(url, asker)}${said}`;
  return new WeightsUnavailable("missing-repository", text);
}

function unsentToken(url: URL, { hasToken, tokenSent }: Asker): string {
  if (!hasToken || tokenSent) return "";
  return ` (the token was not sent to ${url.host}; name it in HF_TOKEN_HOSTS if it may have it)`;
}

/** What may pass (RFC 9110, section 15; 416: the file has changed under its address), and what is an answer for good. */
function reasonOf(status: number): "unreachable" | "broken-answer" | "unexpected-answer" {
  if (status >= 500 || status === 408 || status === 425) return "unreachable";
  return status === 416 ? "broken-answer" : "unexpected-answer";
}
