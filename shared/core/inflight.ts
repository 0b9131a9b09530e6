/** The one budget of a process for what requests bring and make. */
import { ByteBudget } from "./byte-budget.js";

/** The parts are apart so that neither waits for the other: what waits in files is only let go once its pixels have found room. */
export interface Inflight {
  /** Bodies, fetched files, files of jobs. Refused at once where there is no room. */
  encoded: ByteBudget;
  /** Decoded pictures. They wait for room, in turn. */
  pixels: ByteBudget;
}

/** A picture of 50 megapixels has room among the pixels of the default, 512 MB. */
const ENCODED_SHARE = 0.25;

/** Share of the encoded bytes that one client may hold: the longest body of the default as JSON has room, and others beside it. */
const CLIENT_SHARE = 0.6;

/** The budget of `limitBytes`, shared out. */
export function inflight(limitBytes: number): Inflight {
  const encodedBytes = Math.floor(ENCODED_SHARE * limitBytes);
  return {
    encoded: new ByteBudget({
      what: "bodies and files",
      limitBytes: encodedBytes,
      perClientBytes: Math.floor(CLIENT_SHARE * encodedBytes),
    }),
    pixels: new ByteBudget({ what: "decoded pictures", limitBytes: limitBytes - encodedBytes }),
  };
}
