/** Which networks are open on the device: the process's own record, for the runtime keeps none. */
import type { Sizes } from "@armature/graph";
import type { Session } from "./device-session.js";

/** What tells two sessions apart. */
interface SessionIdentity {
  /** The name of the view of its weights. */
  weights: string;
  /** Name of the network, among those over the same weights. */
  network: string;
  /** The sizes that the graph was written for. */
  sizes: Sizes;
}

export function sessionKey({ weights, network, sizes }: SessionIdentity): string {
  const sorted = Object.entries(sizes).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${weights} ${network} ${sorted.map(([symbol, size]) => `${symbol}${size}`).join(" ")}`;
}

export class OpenNetworks {
  private readonly open = new Set<string>();

  /** Records a session, which leaves the record when it is released. */
  track(session: Session, identity: SessionIdentity): Session {
    const key = sessionKey(identity);
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
