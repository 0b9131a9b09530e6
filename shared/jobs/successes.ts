/** Follows a job that is expected to succeed: its failure is thrown. */
import { Cancelled, fromWireError } from "@armature/core";
import type { JobEvent, JobTypes } from "./job.js";

type Success<T extends JobTypes> = Exclude<JobEvent<T>, { event: "failed" | "cancelled" }>;

/** A job's events up to `completed`. Throws what the job failed with, or Cancelled. */
export async function* successes<T extends JobTypes>(events: AsyncIterable<JobEvent<T>>): AsyncGenerator<Success<T>> {
  for await (const event of events) {
    if (event.event === "failed") throw fromWireError(event.data);
    if (event.event === "cancelled") throw new Cancelled();
    yield event as Success<T>;
  }
}

/** The result of a job that is followed to its end. Throws as `successes` does. */
export async function resultOf<T extends JobTypes>(events: AsyncIterable<JobEvent<T>>): Promise<T["result"]> {
  for await (const event of successes(events)) if (event.event === "completed") return event.data;
  throw new Error("The events of the job have no end");
}
