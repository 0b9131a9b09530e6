/** How jobs of one kind are done: what they need, the work in their slot, and what makes an answer of it. */
export interface JobKind<Input = unknown, Ready = unknown, Made = unknown> {
  /** Whether there is something to wait for before the slot; without it a job starts as soon as its turn has come. */
  needsPreparation(input: Input): boolean;
  /** Gathers what the job needs. No slot is taken meanwhile. */
  prepare(input: Input, job: JobContext): Promise<Ready>;
  /** The work that the slot is for. */
  run(input: Input, ready: Ready, job: JobContext): Promise<Made>;
  /** Makes the result, as plain JSON; the next job has the slot already. */
  finish(input: Input, made: Made, job: JobContext): Promise<unknown>;
}

/** What a job is given to be done with. */
export interface JobContext {
  /** Aborts when the job is cancelled or refused. */
  readonly signal: AbortSignal;
  /** How long it waited for others, since it was ready. */
  readonly queueMs: number;
  /** Since it arrived. */
  ageMs(): number;
  /** A file that came with the job. */
  blob(name: string): Promise<Buffer>;
  /** Tells how far it is. */
  progress(data: unknown): void;
  /** Hands out a file that is done; `about` says what it is, and goes into the event with the file's `blob`. */
  output(file: Uint8Array, about: object): Promise<void>;
}
