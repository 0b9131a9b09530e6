/** A claim that k6 cannot judge, as k6's own thresholds are shown. */
export interface Claim {
  metric: string;
  /** A comparison with the unit in the metric's name, such as `<=2`. */
  claim: string;
  found: number;
  ok: boolean;
}

/** Claims that `found` is at most `limit`. */
export const atMost = (metric: string, limit: number, found: number): Claim => ({
  metric,
  claim: `<=${Number(limit.toFixed(2))}`,
  found,
  ok: found <= limit,
});
