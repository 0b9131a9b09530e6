/**
 * One process at a time works on a file: it holds `<file>.owner`, and touches it every second while it lives. A holder that
 * is dead, or has not touched it for a while by the waiter's own clock (so that machines sharing a disk need not agree on the
 * time), is replaced. Nothing depends on this for correctness: it keeps two processes from doing the same work twice.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { unlessVanished } from "@armature/core";

const HEARTBEAT_MS = 1000;
const POLL_MS = 100;
/** How long a holder may be silent. Ten heartbeats: a machine under load misses some. */
const SILENCE_MS = 10_000;
/** Two waiters may replace the same dead holder; the later one wins, and the earlier sees it after this long. */
const SETTLE_MS = 50;

export interface Claim {
  /** Aborted when another process took the file over: this one had been silent for too long. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Claims held by this very process: an owner file that names our pid but none of these is left from another life. */
const held = new Set<string>();

interface ClaimOptions {
  /** Called once if somebody else works on the file. */
  onWait?: () => void;
  silenceMs?: number;
  /** Milliseconds that never go back, by which a holder's silence is measured. */
  nowMs?: () => number;
}

/** Waits until this process may work on `file`. Rejects when `signal` aborts. */
export async function claim(file: string, signal: AbortSignal, options: ClaimOptions = {}): Promise<Claim> {
  const { onWait, silenceMs = SILENCE_MS, nowMs = () => performance.now() } = options;
  const path = `${file}.owner`;
  const token = `${hostname()}\n${process.pid}\n${randomUUID()}\n`;
  held.add(token);
  try {
    let silence = new Silence(silenceMs, nowMs);
    for (let waited = false; ; waited = true) {
      signal.throwIfAborted();
      if (await create(path, token)) break;
      const holder = await readHolder(path);
      if (holder && (isDead(holder.token) || silence.lasts(holder))) {
        if (await unlessVanished(replace(path, holder.token, token))) break;
        silence = new Silence(silenceMs, nowMs);
      }
      if (!waited) onWait?.();
      await sleep(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    held.delete(token);
    throw error;
  }
  return keep(path, token);
}

async function create(path: string, token: string): Promise<boolean> {
  try {
    await writeFile(path, token, { flag: "wx" });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (code !== "ENOENT") throw error;
    // another process prunes, and has removed the folder as an empty one
    await mkdir(dirname(path), { recursive: true });
    return create(path, token);
  }
}

interface Holder {
  token: string;
  touchedMs: number;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const found = await unlessVanished(Promise.all([readFile(path, "utf8"), stat(path)]));
  return found && { token: found[0], touchedMs: found[1].mtimeMs };
}

/** True only where we can know: a process of this machine that is gone, or this pid in an earlier life (a restarted container). */
function isDead(token: string): boolean {
  const [host, pidText] = token.split("\n");
  const pid = Number(pidText);
  if (host !== hostname() || !Number.isInteger(pid) || pid <= 0) return false;
  if (pid === process.pid) return !held.has(token);
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Watches whether a holder still touches its file. */
class Silence {
  #seen: Holder | undefined;
  #since: number;

  constructor(
    private readonly limitMs: number,
    private readonly nowMs: () => number,
  ) {
    this.#since = nowMs();
  }

  lasts(holder: Holder): boolean {
    if (holder.token !== this.#seen?.token || holder.touchedMs !== this.#seen.touchedMs) {
      this.#seen = holder;
      this.#since = this.nowMs();
    }
    return this.nowMs() - this.#since > this.limitMs;
  }
}

async function replace(path: string, dead: string, token: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, token);
  if ((await readHolder(path))?.token !== dead) {
    await rm(temporary, { force: true });
    return false;
  }
  await rename(temporary, path);
  await sleep(SETTLE_MS);
  return (await readHolder(path))?.token === token;
}

function keep(path: string, token: string): Claim {
  const lost = new AbortController();
  const isOurs = async () => (await readHolder(path))?.token === token;
  const touch = async () => {
    await utimes(path, new Date(), new Date());
    return true;
  };
  const beat = async () => {
    const holds = (await isOurs()) && (await unlessVanished(touch()));
    if (!holds && held.has(token)) lost.abort(new Error(`${path}: another process took over`));
  };
  const timer = setInterval(() => void beat().catch((error) => lost.abort(error)), HEARTBEAT_MS).unref();
  const release = async () => {
    clearInterval(timer);
    if (held.delete(token) && (await isOurs())) await rm(path, { force: true });
  };
  return { lost: lost.signal, release };
}
