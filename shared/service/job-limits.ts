/** What the jobs of both services have alike: how many pictures are fetched and encoded at once, and how many jobs may wait. */
import PQueue from "p-queue";

/** Fetching waits for other servers and takes little; each picture of a waiting request may be on its way. */
const FETCHES_AT_ONCE = 64;

/** libvips encodes each picture with threads of its own. */
const ENCODINGS_AT_ONCE = 2;

/** The steps of a job that have a concurrency of their own in both services. */
export const pictureSteps = () => ({
  fetching: new PQueue({ concurrency: FETCHES_AT_ONCE }),
  encoding: new PQueue({ concurrency: ENCODINGS_AT_ONCE }),
});

interface WaitingSettings {
  QUEUE_LIMIT: number;
  QUEUE_LIMIT_PER_CLIENT: number;
}

/** The numbers of jobs that may run and wait: the engine works on one thing at a time. */
export const waitingLimits = ({ QUEUE_LIMIT, QUEUE_LIMIT_PER_CLIENT }: WaitingSettings) => ({
  concurrency: 1,
  maxWaiting: QUEUE_LIMIT,
  maxWaitingPerClient: QUEUE_LIMIT_PER_CLIENT,
});
