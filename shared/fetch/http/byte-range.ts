/** Byte ranges of HTTP (RFC 9110, section 14): how one is asked for, and what an answer to it means. */
import type { Answer, ByteRange } from "../sources/source.js";
import { WeightsUnavailable } from "../weights-unavailable.js";
import { type Headers, type HttpAnswer, headerValue } from "./exchange.js";

/** No header for a whole file: some servers answer a range from 0 with less than they could. */
export function rangeHeader({ start, end }: ByteRange, size: number): Headers {
  return start === 0 && end === size ? {} : { range: `bytes=${start}-${end - 1}` };
}

/** What a 200 or 206 brings; undefined for any other status. Throws WeightsUnavailable for one that cannot be used. */
export function rangeAnswer(answer: HttpAnswer): Answer | undefined {
  const { status, headers, url } = answer;
  if (status !== 200 && status !== 206) return undefined;
  const encoding = headerValue(headers, "content-encoding");
  if (encoding && encoding !== "identity") {
    throw new WeightsUnavailable("unexpected-answer", `${url.host} sends ${encoding} where plain bytes were asked for`);
  }
  if (status === 200) {
    const length = headerValue(headers, "content-length");
    return { start: 0, whole: true, total: length === undefined ? undefined : Number(length) };
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headerValue(headers, "content-range") ?? "");
  if (!range) throw new WeightsUnavailable("broken-answer", `${url.host} answers 206 without saying which bytes`);
  return { start: Number(range[1]), whole: false, total: range[3] === "*" ? undefined : Number(range[3]) };
}
