/** Clients that want others to be served badly. They come again and again until they are told to leave. */
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import { askAndLeave, generate, type HostileClient, holdConnection, postPicture, startUpload } from "./hostile-acts.js";

interface HostileKind {
  clients: number;
  /** Milliseconds from the end of one act to the next. */
  pauseMs: number;
  /** The `turn`th of this client. */
  act(client: HostileClient, turn: number): Promise<unknown>;
}

/**
 * By what they want for themselves: a place in the queue, one for a picture on its way, room for bodies, a decoder, connections. Each group
 * has one address. Several addresses may fill a queue, which is then full for everybody who comes.
 */
const GROUPS: readonly (readonly HostileKind[])[] = [
  [
    // four control images of 49 megapixels each
    { clients: 4, pauseMs: 1_000, act: (client) => generate(client, Array(4).fill(client.pictures.huge)) },
    // control images of 13 megapixels: two take nearly all the room there is
    { clients: 2, pauseMs: 60_000, act: (client) => generate(client, [client.pictures.large]) },
    // clients that come, and leave as soon as their work may have begun
    { clients: 30, pauseMs: 8_000, act: (client, turn) => askAndLeave(client, (turn * 37) % 200) },
  ],
  [{ clients: 8, pauseMs: 1_000, act: (client) => generate(client, [client.drip]) }],
  [
    { clients: 40, pauseMs: 10_000, act: (client) => startUpload(client, 32e6) },
    { clients: 20, pauseMs: 10_000, act: (client) => startUpload(client, 16e6) },
  ],
  [
    {
      clients: 2,
      pauseMs: 1_000,
      act: (client, turn) => postPicture(client, client.pictures.bombs[turn % client.pictures.bombs.length]!),
    },
  ],
  [{ clients: 200, pauseMs: 2_000, act: (client) => holdConnection(client, "") }],
  [
    {
      clients: 200,
      pauseMs: 2_000,
      act: (client) => holdConnection(client, "GET /models HTTP/1.1\r\nHost: localhost\r\nA: "),
    },
  ],
];

/** Honest clients have those below. */
const FIRST_HOSTILE_ADDRESS = 9;

export interface Attack {
  /** All connections are closed when it ends. */
  leave(): Promise<void>;
}

/** Lets all of them loose. Linux alone has the addresses that they come from. */
export function attack(target: Pick<HostileClient, "diffusion" | "preprocessor" | "pictures" | "drip">): Attack {
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal); // every client listens
  const groups = GROUPS.map(async (kinds, group) => {
    const localAddress = `127.0.0.${FIRST_HOSTILE_ADDRESS + group}`;
    const dispatcher = new Agent({ localAddress });
    const client = { ...target, localAddress, dispatcher, signal: leaving.signal };
    const clients = kinds.flatMap((kind) =>
      Array.from({ length: kind.clients }, (_, turn) => keepOn(kind, client, turn)),
    );
    await Promise.all(clients);
    await dispatcher.destroy();
  });
  return {
    async leave() {
      leaving.abort();
      await Promise.all(groups);
    },
  };
}

/** Acts until it is to leave. What becomes of it, a refusal or a closed connection, is no matter to it. */
async function keepOn({ act, pauseMs }: HostileKind, client: HostileClient, firstTurn: number): Promise<void> {
  const { signal } = client;
  for (let turn = firstTurn; !signal.aborted; turn++) {
    await act(client, turn).catch(() => {});
    await delay(pauseMs, undefined, { signal }).catch(() => {});
  }
}
