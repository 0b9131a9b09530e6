/** Keeps loaded networks under a memory budget; the one that was not used for longest goes first. */
import { gigabytes, OutOfMemory } from "@armature/core";

/** Something that can be loaded; `bytes` is known before. */
export interface Loadable<T> {
  key: string;
  /** The model that it is a part of, which messages name. */
  owner: string;
  bytes: number;
  load(): Promise<T>;
  release(loaded: T): Promise<void>;
}

export interface ResidentStatus {
  key: string;
  bytes: number;
  loadMs: number;
  /** Milliseconds since the epoch. */
  lastUse: number;
}

interface Resident extends ResidentStatus {
  loaded: unknown;
  release(): Promise<void>;
}

interface ResidencyOptions {
  budgetBytes: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Called before one is loaded. */
  onLoading?: (loadable: Pick<Loadable<unknown>, "key" | "bytes">) => void;
  onChange?: (status: ResidentStatus[]) => void;
}

/** Keys that are not released, and keys that go after all others. */
interface ReleaseOrder {
  keep: ReadonlySet<string>;
  later: ReadonlySet<string>;
}

export class Residency {
  private readonly residents = new Map<string, Resident>();

  constructor(private readonly options: ResidencyOptions) {}

  /**
   * Loads what is missing of `wanted`, after releasing others as far as the budget asks: those of `later` after all others, none of
   * `wanted`. Throws OutOfMemory as `requireRoom` does. Calls must not overlap. An undefined one stays so.
   */
  async acquire<const W extends readonly (Loadable<unknown> | undefined)[]>(
    wanted: W,
    later: ReadonlySet<string> = new Set(),
  ): Promise<{ [I in keyof W]: Loaded<W[I]> }> {
    const present = wanted.filter((loadable) => loadable !== undefined);
    this.requireRoom(present);
    const keep = new Set(present.map(({ key }) => key));
    const loaded: unknown[] = [];
    for (const loadable of wanted) loaded.push(loadable && (await this.resident(loadable, { keep, later })));
    this.changed(); // when each was used last
    return loaded as { [I in keyof W]: Loaded<W[I]> };
  }

  /** Throws OutOfMemory, with the sums, if `wanted` alone is above the budget. */
  requireRoom(wanted: readonly Loadable<unknown>[]): void {
    const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total <= this.options.budgetBytes) return;
    const terms = [...bytesByOwner(wanted)].map(([owner, bytes]) => `${owner} ${gigabytes(bytes)}`);
    throw new OutOfMemory(
      `The request needs ${terms.join(" + ")} = ${gigabytes(total)}; the memory budget is ${gigabytes(this.options.budgetBytes)}. ` +
        "Use fewer ControlNets, or raise MEMORY_BUDGET_GB",
    );
  }

  /** Releases one; false if it was not loaded. */
  async release(key: string): Promise<boolean> {
    const resident = this.residents.get(key);
    if (!resident) return false;
    this.residents.delete(key);
    await resident.release();
    this.changed();
    return true;
  }

  /** What is loaded, least recently used first. */
  status(): ResidentStatus[] {
    return [...this.residents.values()]
      .map(({ key, bytes, loadMs, lastUse }) => ({ key, bytes, loadMs, lastUse }))
      .sort((a, b) => a.lastUse - b.lastUse);
  }

  private async resident<T>(loadable: Loadable<T>, order: ReleaseOrder): Promise<T> {
    const known = this.residents.get(loadable.key);
    if (known) {
      known.lastUse = this.options.now();
      return known.loaded as T;
    }
    await this.makeRoom(loadable.bytes, order);
    this.options.onLoading?.(loadable);
    const start = this.options.now();
    const loaded = await loadable.load();
    const end = this.options.now();
    const { key, bytes } = loadable;
    this.residents.set(key, {
      key,
      bytes,
      loaded,
      loadMs: end - start,
      lastUse: end,
      release: () => loadable.release(loaded),
    });
    this.changed();
    return loaded;
  }

  private async makeRoom(bytes: number, { keep, later }: ReleaseOrder): Promise<void> {
    const others = this.status().filter(({ key }) => !keep.has(key));
    const order = [...others.filter(({ key }) => !later.has(key)), ...others.filter(({ key }) => later.has(key))];
    for (const { key } of order) {
      if (this.total() + bytes <= this.options.budgetBytes) return;
      await this.release(key);
    }
  }

  private total(): number {
    return [...this.residents.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  private changed(): void {
    this.options.onChange?.(this.status());
  }
}

function bytesByOwner(wanted: readonly Loadable<unknown>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { owner, bytes } of wanted) sums.set(owner, (sums.get(owner) ?? 0) + bytes);
  return sums;
}

type Loaded<L> = L extends Loadable<infer T> ? T : undefined;
