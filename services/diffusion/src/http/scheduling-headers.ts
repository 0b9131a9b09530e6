import { parse } from "@armature/contract";
import type { Request } from "express";
import { z } from "zod";

/** How a request asks for its turn. */
export const schedulingHeaders = z.object({
  "X-Priority": z.coerce.number().int().min(-10).max(10).optional().describe("Greater goes first; default 0"),
  "X-Deadline-Ms": z.coerce
    .number()
    .positive()
    .optional()
    .describe("A request that would wait longer than this is not started; default and most: MAX_WAIT_S"),
});

/** The priority and the longest wait that a request asks for. Throws InvalidRequest with the header's name. */
export function askedTurn(req: Pick<Request, "get">, maxWaitMs: number): { priority: number; deadlineMs: number } {
  const names = Object.keys(schedulingHeaders.shape);
  const headers = parse(schedulingHeaders, Object.fromEntries(names.map((name) => [name, req.get(name)])));
  const { "X-Priority": priority = 0, "X-Deadline-Ms": deadlineMs = maxWaitMs } = headers;
  return { priority, deadlineMs: Math.min(maxWaitMs, deadlineMs) };
}
