/** Which networks are open on the device: the process's own record, for the runtime keeps none. */
import type { Session } from "./device-session.js";
import type { Sizes } from "./sized-sessions.js";

/** What tells two sessions apart: their weights, and the sizes that their graph was written for. */
export function sessionKey(weightsFile: string, sizes: Sizes): string {
  const sorted = Object.entries(sizes).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${weightsFile} ${sorted.map(([symbol, size]) => `${symbol}${size}`).join(" ")}`;
}

export class OpenNetworks {
  private readonly open = new Set<string>();

  /** The same session, which leaves the record when it is released. */
  track(session: Session, weightsFile: string, sizes: Sizes): Session {
    const key = sessionKey(weightsFile, sizes);
    this.open.add(key);
    return {
      run: (feeds, fetches) => session.run(feeds, fetches),
      release: () => {
        this.open.delete(key);
        return session.release();
      },
    };
  }

  has(key: string): boolean {
    return this.open.has(key);
  }

  keys(): string[] {
    return [...this.open];
  }
}
