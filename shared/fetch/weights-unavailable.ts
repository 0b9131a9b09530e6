/** The one error of fetching weights: what kept a file from being there, and whether waiting may help. */
import { AppError, printable } from "@armature/core";

/** What a caller may want to tell apart; the command's exit codes and messages follow from it. */
export type UnavailableReason =
  | "gated"
  | "token-refused"
  | "missing-repository"
  | "missing-revision"
  | "missing-file"
  | "taken-down"
  | "rate-limited"
  | "unreachable"
  | "unexpected-answer"
  | "broken-answer"
  | "corrupt"
  | "pickle-only"
  | "not-diffusers"
  | "no-weights"
  | "lfs-pointer"
  | "no-space"
  | "read-only"
  | "disk-failed"
  | "differs-from-lock"
  | "not-pinned";

/** An answer that is none of the protocol's, or a refusal, is the same the next time; one that broke on its way need not be. */
const WORTH_RETRYING: ReadonlySet<UnavailableReason> = new Set(["rate-limited", "unreachable", "broken-answer"]);

/** What answers of 401, 403, 404 and 410 mean: the source does not give this, but another may. */
const GONE: ReadonlySet<UnavailableReason> = new Set([
  "gated",
  "token-refused",
  "missing-repository",
  "missing-revision",
  "missing-file",
  "taken-down",
]);

export class WeightsUnavailable extends AppError {
  readonly code = "weights-unavailable";
  /** Seconds that the server asked to wait, where it did. */
  readonly retryAfterS: number | undefined;

  /** Control characters of `message`, which may quote what a server said, are left out. */
  constructor(
    readonly reason: UnavailableReason,
    message: string,
    options: ErrorOptions & { retryAfterS?: number } = {},
  ) {
    super(printable(message), options);
    this.retryAfterS = options.retryAfterS;
  }

  /** True where the same request may succeed a little later. */
  get worthRetrying(): boolean {
    return WORTH_RETRYING.has(this.reason);
  }

  /** True where the source has it no more, never had it, or does not give it to us. */
  get isGone(): boolean {
    return GONE.has(this.reason);
  }
}
