/** What `POST /generate` with `Accept: text/event-stream` sends: one JSON object a server-sent event, by the event's name. */
import { problem } from "@armature/contract";
import { z } from "zod";
import type { GenerateLimits } from "../features/limits.js";
import { generateResponse } from "./generate.js";

/** `completed`, `failed` and `cancelled` are the last event of their stream. */
export const generateEvents = (limits: GenerateLimits) => ({
  queued: z.strictObject({ position: z.int().min(0).describe("Requests that are served before this one") }),
  started: z.strictObject({ id: z.string() }),
  progress: z.strictObject({
    step: z.int().min(0).describe("Steps that are done"),
    steps: z.int().min(1).describe("Steps in all"),
    percent: z.number().min(0).max(100),
    eta_ms: z.number().min(0).describe("Until the end of the last step, judged by the steps so far"),
  }),
  completed: generateResponse(limits),
  failed: problem,
  cancelled: z.strictObject({}),
});

type GenerateEventName = keyof ReturnType<typeof generateEvents>;

/** An event with its data, discriminated by `event`. */
export type GenerateEvent = {
  [Name in GenerateEventName]: { event: Name; data: z.infer<ReturnType<typeof generateEvents>[Name]> };
}[GenerateEventName];
