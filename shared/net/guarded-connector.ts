/** Opens connections to addresses that were checked before, and checks again who answered before a byte is sent. */
import { connect, type LookupFunction, type Socket, type TcpNetConnectOpts } from "node:net";
import { buildConnector } from "undici";
import { steadyConnector } from "./steady-connector.js";

interface ConnectionGuard {
  /** The addresses that the host's name was resolved to; nothing is resolved again. */
  addresses: string[];
  /** Whether a connection to this address may be used. */
  permits: (address: string) => boolean;
  /** What to fail with if it may not. */
  refusal: () => Error;
  /** Ends the attempt, and the connection with it. */
  signal: AbortSignal;
  /** Opens a TCP connection; `net.connect` but in tests. */
  open?: ((options: TcpNetConnectOpts) => Socket) | undefined;
}

/**
 * A connector for an undici client. TCP first, then the check of the peer's address, then TLS: a peer that is refused does not
 * even get a handshake. Of several addresses the first that answers is used (RFC 8305).
 */
export function guardedConnector({ addresses, permits, refusal, signal, open = connect }: ConnectionGuard) {
  const upgradeToTls = buildConnector({ allowH2: false });
  const connector: buildConnector.connector = (options, callback) => {
    const socket = open({
      host: options.hostname.replace(/^\[|\]$/g, ""),
      port: Number(options.port) || (options.protocol === "https:" ? 443 : 80),
      lookup: pinned(addresses),
      autoSelectFamily: true,
      signal,
    });
    let connected = false;
    socket.on("error", (error) => {
      if (!connected) callback(error, null); // later ones reach undici through the socket that it was given
    });
    socket.once("connect", () => {
      if (!permits(socket.remoteAddress ?? "")) return socket.destroy(refusal());
      connected = true;
      if (options.protocol === "https:") return upgradeToTls({ ...options, httpSocket: socket }, callback);
      return callback(null, socket.setNoDelay(true));
    });
  };
  return steadyConnector(connector);
}

/** Answers every name with the same addresses, in either of the two forms that `net` asks for. */
function pinned(addresses: string[]): LookupFunction {
  const answers = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return (_hostname, options, callback) => {
    const [first] = answers;
    if (options.all) callback(null, answers);
    else callback(null, first?.address ?? "", first?.family);
  };
}
