/** A connection's requests, one after another. */
import type { RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Hands on a connection's next request when the one before has been answered. A client may send several without waiting (pipelining, RFC
 * 9112, section 9.3.2); Node then tells only the first response that the client has left. So nothing is begun for the others before their turn.
 */
export function oneAtATime(listener: RequestListener): RequestListener {
  const latest = new WeakMap<Socket, ServerResponse>();
  return (req, res) => {
    const before = latest.get(req.socket);
    latest.set(req.socket, res);
    if (!before || before.closed) return listener(req, res);
    before.once("close", () => {
      if (!req.socket.destroyed) listener(req, res);
    });
  };
}
