/** Loads what the operator wants loaded before it is asked for. What could not be loaded keeps the service from being ready. */
import { type Obstacle, toProblem } from "@armature/http";
import type { Logger } from "pino";

interface WarmUpOptions {
  /** What WARM names, all of it served. */
  names: readonly string[];
  load(name: string): Promise<void>;
  /** Whether a name is loaded, at the start or by a request. */
  isLoaded(name: string): boolean;
  log: Logger;
}

/** Begins to load, one after another as the engine takes them → what readiness has to say of it. */
export function warmUp({ names, load, isLoaded, log }: WarmUpOptions): () => Obstacle | undefined {
  const failures = new Map<string, string>();
  for (const name of names) {
    load(name).catch((err: Error) => {
      log.error({ name, err }, "could not be loaded at the start");
      const { detail, title } = toProblem(err).body; // without what is the operator's alone
      failures.set(name, detail ?? title);
    });
  }
  return () => {
    const failed = [...failures].find(([name]) => !isLoaded(name));
    return failed && { reason: `WARM: ${failed[0]} could not be loaded: ${failed[1]}`, retryAfterS: RETRY_AFTER_S };
  };
}

/** An operator must look first. */
const RETRY_AFTER_S = 60;
