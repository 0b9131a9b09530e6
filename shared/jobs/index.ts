export { DeadlineExceeded, JOBS_ERRORS, type JobsError, QueueFull } from "./errors.js";
export {
  type JobOptions,
  type QueueObserver,
  type QueueOptions,
  type QueuePosition,
  type QueueSnapshot,
  WorkQueue,
} from "./queue.js";
