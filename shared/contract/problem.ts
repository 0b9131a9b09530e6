/** The body of every error: RFC 9457, `application/problem+json`. */
import { z } from "zod";

export const problem = z.object({
  type: z.string().describe("Where the kind of problem is explained"),
  title: z.string().describe("The kind of problem, in words"),
  status: z.int().min(400).max(599).describe("The HTTP status"),
  code: z.string().describe("The kind of problem, for programs: invalid-request, queue-full, …"),
  detail: z.string().optional().describe("What was wanted, what was found, and what to do"),
  request_id: z.string().optional().describe("Finds the request in the log"),
  errors: z
    .array(z.object({ pointer: z.string().describe("JSON pointer (RFC 6901) to a field"), detail: z.string() }))
    .optional()
    .describe("One entry for each wrong field"),
});

export type ProblemMessage = z.infer<typeof problem>;
