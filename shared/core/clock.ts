/** Time as a value that is passed in, so that tests need not wait for it. */
export interface Clock {
  /** Milliseconds that never go back; only differences mean something. */
  nowMs(): number;
  /** Calls back once after `ms`; the function that is returned prevents it. Does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMEOUT_MS)).unref();
    return () => clearTimeout(timer);
  },
};

/** A longer timeout overflows Node's 32 bits and would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
