import type { GenerateOutcome } from "../engine/jobs.js";
import type { CompleteRequest } from "./complete.js";

/** What was done otherwise than a reader of the request might think. */
export function warningsOf({ precision }: CompleteRequest, { cutPrompt }: GenerateOutcome): string[] {
  return [
    ...(precision === "int8" ? ["Computed in 8 bits (precision int8): close to the exact picture, not equal"] : []),
    ...(cutPrompt ? [`The prompt is too long for the text encoder; this was left out: ${cutPrompt}`] : []),
  ];
}
