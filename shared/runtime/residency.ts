/** Keeps loaded networks under a memory budget; the one that was not used for longest goes first. */
import { OutOfMemory } from "@armature/core";

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

export interface ResidencyOptions {
  budgetBytes: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  onChange?: (status: ResidentStatus[]) => void;
}

export class Residency {
  private readonly residents = new Map<string, Resident>();

  constructor(private readonly options: ResidencyOptions) {}

  /**
   * Loads what is missing of `wanted`, after releasing others as far as the budget asks; none of `wanted` is released.
   * Throws OutOfMemory, with the sums, if `wanted` alone is above the budget. Calls must not overlap. An undefined one stays so.
   */
  async acquire<const W extends readonly (Loadable<unknown> | undefined)[]>(
    wanted: W,
  ): Promise<{ [I in keyof W]: Loaded<W[I]> }> {
    const present = wanted.filter((loadable) => loadable !== undefined);
    this.refuseTooMuch(present);
    const keys = new Set(present.map(({ key }) => key));
    const loaded: unknown[] = [];
    for (const loadable of wanted) loaded.push(loadable && (await this.resident(loadable, keys)));
    this.changed();
    return loaded as { [I in keyof W]: Loaded<W[I]> };
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

  private async resident<T>(loadable: Loadable<T>, keep: ReadonlySet<string>): Promise<T> {
    const known = this.residents.get(loadable.key);
    if (known) {
      known.lastUse = this.options.now();
      return known.loaded as T;
    }
    await this.makeRoom(loadable.bytes, keep);
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
    return loaded;
  }

  private async makeRoom(bytes: number, keep: ReadonlySet<string>): Promise<void> {
    for (const { key } of this.status()) {
      if (this.total() + bytes <= this.options.budgetBytes) return;
      if (!keep.has(key)) await this.release(key);
    }
  }

  private total(): number {
    return [...this.residents.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  private refuseTooMuch(wanted: readonly Loadable<unknown>[]): void {
    const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total <= this.options.budgetBytes) return;
    const terms = [...bytesByOwner(wanted)].map(([owner, bytes]) => `${owner} ${gigabytes(bytes)}`);
    throw new OutOfMemory(
      `The request needs ${terms.join(" + ")} = ${gigabytes(total)}; the memory budget is ${gigabytes(this.options.budgetBytes)}. ` +
        "Use fewer ControlNets, or raise MEMORY_BUDGET_GB",
    );
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

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
