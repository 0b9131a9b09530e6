/**
 * Addresses of names. Foreign names are asked of DNS servers, each by a resolver of its own that can be cancelled: `getaddrinfo` cannot, and
 * holds one of the process's four threads for as long as a name server likes, so that three slow names stopped every look-up and
 * every file. It stays for the names that the operator configured: containers, /etc/hosts, search domains.
 */
import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { unlessAborted } from "@armature/core";
import PQueue from "p-queue";

/** Whose look-up it is, and who wants to hear that it begins. */
export interface LookUpTurn {
  /** Names of one client wait for one another before they wait for other clients'. */
  client?: string | undefined;
  /** Called when the name's turn has come, at once where none waits: what follows takes the resolver's time. */
  onTurn?: () => void;
}

/** All addresses of a name. Rejects with the resolver's error, or with `signal`'s reason. */
export type LookUp = (hostname: string, signal: AbortSignal, turn?: LookUpTurn) => Promise<string[]>;

interface ForeignLookUpOptions {
  /** Addresses of DNS servers, with their ports; default: the system's. */
  servers?: readonly string[];
  /** Further names wait for their turn. */
  maxInFlight?: number;
}

/** A DNS server that lost a question is asked once more. */
const ATTEMPT_MS = 1_500;
const ATTEMPTS = 2;
/** How long IPv6 addresses may come after those of IPv4: some servers never answer for them (RFC 8305, section 3). */
const IPV6_GRACE_MS = 250;
/** Share of the look-ups in flight that one client's names may take, so that slow ones delay nobody else's. */
const CLIENT_SHARE = 0.25;
const LOOPBACK = ["127.0.0.1", "::1"];

/** Looks up names that clients bring. The hosts file and search domains play no part: what stands there is not of the public internet. */
export function foreignLookUp({ servers, maxInFlight = 32 }: ForeignLookUpOptions = {}): LookUp {
  const turns = new PQueue({ concurrency: maxInFlight });
  const shares = new ClientShares(Math.max(1, Math.floor(CLIENT_SHARE * maxInFlight)));
  return async (hostname, signal, { client, onTurn } = {}) => {
    if (isIP(hostname)) return [hostname];
    if (/(^|\.)localhost$/i.test(hostname)) return LOOPBACK; // RFC 6761, 6.3: never asked of a server
    const begun = () => {
      onTurn?.();
      return ask(hostname, servers, signal);
    };
    const inTurn = () => turns.add(begun, { signal });
    return client === undefined ? inTurn() : shares.add(client, inTurn, signal);
  };
}

/** Bounds how many things each client does at once. */
class ClientShares {
  readonly #byClient = new Map<string, PQueue>();

  constructor(private readonly concurrency: number) {}

  async add<T>(client: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const share = this.#byClient.get(client) ?? new PQueue({ concurrency: this.concurrency });
    this.#byClient.set(client, share);
    try {
      return await share.add(work, { signal });
    } finally {
      if (share.size + share.pending === 0) this.#byClient.delete(client);
    }
  }
}

async function ask(hostname: string, servers: readonly string[] | undefined, signal: AbortSignal): Promise<string[]> {
  const resolver = new Resolver({ timeout: ATTEMPT_MS, tries: ATTEMPTS });
  if (servers) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const [v4, v6] = [resolver.resolve4(hostname), resolver.resolve6(hostname)];
    const patience = v4.then(
      () => delay(IPV6_GRACE_MS, []),
      () => v6,
    );
    return addressesOf(await Promise.allSettled([v4, Promise.race([v6, patience])]));
  } finally {
    signal.removeEventListener("abort", cancel);
    resolver.cancel();
  }
}

/** The addresses of both families. Where neither has answered, throws the first one's error. */
function addressesOf(answers: PromiseSettledResult<string[]>[]): string[] {
  const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const failed = answers.find((answer) => answer.status === "rejected");
  if (addresses.length === 0 && failed) throw failed.reason;
  return addresses;
}

const running = new Map<string, Promise<string[]>>();

/** Looks up names that the operator configured. Callers that ask for the same name at the same time share the answer, and the thread. */
export const ownLookUp: LookUp = (hostname, signal, { onTurn } = {}) => {
  onTurn?.();
  const asked =
    running.get(hostname) ??
    lookup(hostname, { all: true })
      .then((answers) => answers.map(({ address }) => address))
      .finally(() => running.delete(hostname));
  running.set(hostname, asked);
  return unlessAborted(asked, signal);
};
