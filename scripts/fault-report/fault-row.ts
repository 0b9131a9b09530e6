/** One kind of fault in the report. */
export interface FaultRow {
  kind: string;
  /** How often it was tried. */
  tried: number;
  /** How often everything held that must. */
  held: number;
  /** What did not hold, of the first case that failed. */
  worst?: string;
}
