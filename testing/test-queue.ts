import { type JobOptions, type QueueOptions, WorkQueue } from "@armature/jobs";
import { FakeClock } from "./fake-clock.js";

/** A queue whose jobs take `secondsPerCost` times their cost by the fake clock, and note their names when they start. */
export function testQueue(options: Partial<QueueOptions> = {}, { realSecondsPerCost = 1 } = {}) {
  const clock = new FakeClock();
  const queue = new WorkQueue({ concurrency: 1, maxWaiting: 8, maxWaitingCost: 1_000, clock, ...options });
  const started: string[] = [];
  const run = (name: string, job: Partial<JobOptions> = {}) => {
    const { cost = 1, client = "one", ...rest } = job;
    const result = queue.run({ cost, client, ...rest }, async () => {
      started.push(name);
      await new Promise<void>((resolve) => clock.after(cost * realSecondsPerCost * 1000, resolve));
      return name;
    });
    result.catch(() => {});
    return result;
  };
  return { clock, queue, started, run };
}
