/** The order of waiting jobs, as any implementation offers it: admission by estimated cost, fair turns, honest waiting times. */

export interface QueueLimits {
  /** Jobs that run at once. */
  concurrency: number;
  /** Jobs that may wait ready for their turn, and as many more that are being made ready. */
  maxWaiting: number;
  /** Cost of the jobs that may wait, ready or not; one job may always wait alone, or a big one would never get in. */
  maxWaitingCost: number;
  /** Jobs of one client that may wait, so that none fills the queue alone. */
  maxWaitingPerClient?: number;
  /** Seconds that a unit of cost takes, until jobs have been measured. */
  secondsPerCost?: number;
  /** Waiting jobs that may be unpacked or being unpacked; default 1. */
  unpackedAhead?: number;
}

/** What a queue must know of a job. */
export interface QueueEntry {
  id: string;
  cost: number;
  client: string;
  /** Greater goes first. */
  priority: number;
  deadlineMs?: number | undefined;
  /** All that the job needs is there. An entry that is not ready keeps its place, and others start before it. */
  ready: boolean;
  /** The job has to be unpacked before it starts: its input takes more memory then, so not before its turn is near. Default: no. */
  packed?: boolean;
}

export interface QueuePosition {
  /** 1 is next. */
  position: number;
  estimatedStartS: number;
}

export type Outcome = "completed" | "failed" | "cancelled";

export interface QueueSnapshot {
  waiting: number;
  waitingCost: number;
  running: number;
  /** Measured; undefined before the first job, if no guess was given. */
  secondsPerCost: number | undefined;
  /** Seconds until a job that came now would start. */
  estimatedWaitS: number;
}

export interface Queue {
  /** Takes a job in. Throws QueueFull, or DeadlineExceeded if it would start too late. */
  add(entry: QueueEntry): Promise<void>;
  /** All that the job needs is there now. Nothing if it has left. */
  ready(id: string): Promise<void>;
  /** The ready job whose turn comes first of those that are packed, if another one may be unpacked: the caller unpacks it now. */
  nextToUnpack(): Promise<string | undefined>;
  /** The job is unpacked and may start. Nothing if it has left. */
  unpacked(id: string): Promise<void>;
  /** The job whose turn it is, if a slot is free: it has the slot until `done`. One that is packed is passed over. */
  take(): Promise<string | undefined>;
  /** Frees the slot; nothing if the job has none. Only completed jobs tell how long work takes: others ended early. */
  done(id: string, outcome: Outcome): Promise<void>;
  /** Takes out a job that waits; false if it does not. */
  remove(id: string): Promise<boolean>;
  /** The place of a job that waits. */
  position(id: string): Promise<QueuePosition | undefined>;
  snapshot(): Promise<QueueSnapshot>;
  /** Calls back whenever a place has changed or a turn may have come. */
  onChange(listener: () => void): void;
}
