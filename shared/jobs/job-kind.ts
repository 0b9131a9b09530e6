/** How jobs of one kind are done: what they need, the work in their slot, and what makes an answer of it. */
export interface JobKind<Input = unknown, Prepared = unknown, Result = unknown, Unpacked = Prepared> {
  /** Whether there is something to wait for before the slot; without it a job starts as soon as its turn has come. */
  needsPreparation(input: Input): boolean;
  /** Gathers what the job needs. No slot is taken meanwhile. */
  prepare(input: Input, job: JobContext): Promise<Prepared>;
  /**
   * Makes of what was prepared what the slot works on, where that takes more memory: pixels of a picture's file. Called when
   * the job's turn is near, so that what waits stays packed; no slot is taken meanwhile. Without it `run` takes what was prepared.
   */
  unpack?(input: Input, prepared: Prepared, job: JobContext): Promise<Unpacked>;
  /** Whether there is something to unpack that takes memory; default: where there is `unpack`. Else that is called in the slot. */
  isPacked?(input: Input): boolean;
  /** The work that the slot is for. */
  run(input: Input, unpacked: Unpacked, job: JobContext): Promise<Result>;
  /** Makes the answer of the slot's result, as plain JSON; the next job has the slot already. */
  finish(input: Input, result: Result, job: JobContext): Promise<unknown>;
}

/** What a job is given to be done with. */
export interface JobContext {
  /** Aborts when the job is cancelled or refused. */
  readonly signal: AbortSignal;
  /** Milliseconds that the job waited for others since it was ready. */
  readonly queueMs: number;
  /** Milliseconds since the job arrived. */
  ageMs(): number;
  /** Name of the client whose job it is. */
  readonly client: string;
  /** A file that came with the job. */
  blob(name: string): Promise<Buffer>;
  /** Calls back once the job has ended, however it ends: to give back what it holds. */
  onEnd(callback: () => void): void;
  /** Tells how far the job is. */
  progress(data: unknown): void;
  /** Hands out a file that is done; `about` says what it is, and goes into the event with the file's `blob`. */
  output(file: Uint8Array, about: object): Promise<void>;
}
