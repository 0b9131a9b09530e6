/** The one error of fetching weights: what kept a file from being there, and whether waiting may help. */
import { AppError } from "@armature/core";

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
  | "corrupt"
  | "pickle-only"
  | "not-diffusers"
  | "no-space"
  | "read-only"
  | "disk-failed"
  | "differs-from-lock"
  | "not-pinned";

const WORTH_RETRYING: ReadonlySet<UnavailableReason> = new Set(["rate-limited", "unreachable", "unexpected-answer"]);

export class WeightsUnavailable extends AppError {
  readonly code = "weights-unavailable";
  /** Seconds that the server asked to wait, where it did. */
  readonly retryAfterS: number | undefined;

  constructor(
    readonly reason: UnavailableReason,
    message: string,
    options: ErrorOptions & { retryAfterS?: number } = {},
  ) {
    super(message, options);
    this.retryAfterS = options.retryAfterS;
  }

  /** True where the same request may succeed a little later. */
  get worthRetrying(): boolean {
    return WORTH_RETRYING.has(this.reason);
  }
}
