import type { JobEvent } from "@armature/jobs";

/** All events of a job, noted as they come. */
export function listen(events: AsyncIterable<JobEvent>) {
  const heard: JobEvent[] = [];
  const ended = (async () => {
    for await (const event of events) heard.push(event);
  })();
  ended.catch(() => {});
  return { heard, ended, names: () => heard.map(({ id, event }) => `${id} ${event}`) };
}
