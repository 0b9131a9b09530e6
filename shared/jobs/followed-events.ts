/** What a follower of a job hears. */
import { AppError, Cancelled } from "@armature/core";
import { hasEnded, type JobEvent, stateAfter } from "./job.js";
import type { LiveJob } from "./live-job.js";
import type { Queue } from "./queue.js";
import type { JobStore } from "./store.js";

/** `queued` is every job's first event. */
const QUEUED_ID = 1;

/** The events after the one with the id `after`, as they happen, to the last; `queued` whenever the job's place is another one. */
export async function* followedEvents(
  job: LiveJob,
  after: number,
  { queue, store, signal }: { queue: Queue; store: JobStore; signal: AbortSignal | undefined },
): AsyncGenerator<JobEvent> {
  let last = after;
  let position = 0;
  for (;;) {
    throwIfLeft(signal);
    const change = job.nextChange();
    for (const event of await store.events(job.id, last)) {
      last = event.id;
      if (event.event !== "queued") yield event;
      if (hasEnded(stateAfter(event.event))) return;
    }
    if (job.hasEnded && job.brokenBy) throw job.brokenBy; // its last event could not be kept
    const place = await queue.position(job.id);
    if (place && place.position !== position) {
      position = place.position;
      yield { id: QUEUED_ID, event: "queued", data: place };
    } else await change;
  }
}

/** Throws Cancelled for a follower that is gone. */
export function throwIfLeft(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason instanceof AppError ? signal.reason : new Cancelled();
}
