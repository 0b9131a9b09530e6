/** One graph at several sizes, for devices that want every size known when the graph is written. */
import type { Sizes } from "@armature/graph";
import type { Session } from "./device-session.js";
import type { Tensors } from "./device-tensors.js";

interface SizedSessionsOptions {
  /** The sizes that the feeds of a call have, by symbol. */
  sizesOf: (feeds: Tensors) => Sizes;
  open: (sizes: Sizes) => Promise<Session>;
  /** How many sizes stay open: each holds its own copy of the weights. */
  limit: number;
}

/** A session that opens itself for the sizes it is called with; the size that was not used for longest is closed first. */
export function sizedSessions({ sizesOf, open, limit }: SizedSessionsOptions): Session {
  const sessions = new Map<string, Session>(); // least recently used first

  async function sessionFor(feeds: Tensors): Promise<Session> {
    const sizes = sizesOf(feeds);
    const key = JSON.stringify(sizes);
    const known = sessions.get(key);
    sessions.delete(key);
    if (!known) await makeRoom();
    const session = known ?? (await open(sizes));
    sessions.set(key, session);
    return session;
  }

  async function makeRoom(): Promise<void> {
    for (const [key, session] of sessions) {
      if (sessions.size < limit) return;
      sessions.delete(key);
      await session.release();
    }
  }

  return {
    run: async (feeds, fetches) => (await sessionFor(feeds)).run(feeds, fetches),
    async release() {
      const all = [...sessions.values()];
      sessions.clear();
      for (const session of all) await session.release();
    },
  };
}
