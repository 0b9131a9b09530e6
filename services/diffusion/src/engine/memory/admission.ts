/** Lets a request onto the device only if its memory suffices: closes what is not needed, or refuses before anything is taken. */
import { OutOfMemory } from "@armature/core";
import type { DeviceMemory, ReadMemory } from "@armature/devices";
import type { OpenNetworks, Residency } from "@armature/runtime";
import { neededBytes, networkBytes, sumText } from "./needed-bytes.js";
import type { Part, Unit } from "./parts.js";

export interface AdmissionOptions {
  opened: OpenNetworks;
  residency: Pick<Residency, "status" | "release">;
  readMemory: ReadMemory;
  /** Bytes that no request gets. */
  reserveBytes: number;
  /** Hears once why requests are let through unchecked. */
  warn: (message: string) => void;
}

/** What the sums know of a network: its unit's id and its part, by the key of its session. */
interface Planned {
  unit: string;
  part: Part;
}

export class Admission {
  /** Of networks that are open, and of the last request. */
  private readonly planned = new Map<string, Planned>();
  private warned = false;

  constructor(private readonly options: AdmissionOptions) {}

  /**
   * Returns once there is room for what a request of these units still lacks. Residents that it does not need are released as
   * far as that takes, then its own at other sizes. Throws OutOfMemory with the sums; nothing is released for a request that
   * an empty device would not hold. Calls must not overlap.
   */
  async admit(units: readonly Unit[]): Promise<void> {
    this.remember(units);
    const parts = units.flatMap((unit) => unit.parts);
    if (this.missing(parts).length === 0) return;
    const { reserveBytes, residency } = this.options;
    let memory = await this.readMemory();
    if (memory && neededBytes(parts) > memory.totalBytes - reserveBytes) throw this.refusal(units, memory, false);
    while (memory && this.lackingBytes(parts) > memory.freeBytes - reserveBytes) {
      const key = this.releasable(units);
      if (key === undefined) throw this.refusal(units, memory, this.holdsAny());
      await residency.release(key);
      memory = await this.readMemory();
    }
  }

  private remember(units: readonly Unit[]): void {
    for (const key of this.planned.keys()) if (!this.options.opened.has(key)) this.planned.delete(key);
    for (const { id: unit, parts } of units) for (const part of parts) this.planned.set(part.key, { unit, part });
  }

  private missing(parts: readonly Part[]): Part[] {
    return parts.filter(({ key }) => !this.options.opened.has(key));
  }

  /** What the request adds to what the process holds. */
  private lackingBytes(parts: readonly Part[]): number {
    const missing = this.missing(parts);
    return this.holdsAny() ? networkBytes(missing) : neededBytes(missing);
  }

  private holdsAny(): boolean {
    return this.options.opened.keys().length > 0;
  }

  private held(): Planned[] {
    return this.options.opened.keys().flatMap((key) => this.planned.get(key) ?? []);
  }

  /** Undefined where nobody knows: said once. */
  private async readMemory(): Promise<DeviceMemory | undefined> {
    const parts = this.held().map(({ part }) => part);
    try {
      return await this.options.readMemory(parts.length > 0 ? neededBytes(parts) : 0);
    } catch (error) {
      const reason = (error as Error).message;
      if (!this.warned) this.options.warn(`requests are not held against the device's memory: ${reason}`);
      this.warned = true;
      return undefined;
    }
  }

  /** The least recently used resident that has networks open; one of the request's own only after all others. */
  private releasable(units: readonly Unit[]): string | undefined {
    const holding = new Set(this.held().map(({ unit }) => unit));
    const candidates = this.options.residency.status().filter(({ key }) => holding.has(key));
    const wanted = new Set(units.map(({ id }) => id));
    return (candidates.find(({ key }) => !wanted.has(key)) ?? candidates[0])?.key;
  }

  private refusal(units: readonly Unit[], { source, freeBytes, totalBytes }: DeviceMemory, held: boolean): OutOfMemory {
    const lacking = units.map(({ id, parts }) => ({ id, parts: held ? this.missing(parts) : parts }));
    const [free, total, reserve] = [freeBytes, totalBytes, this.options.reserveBytes].map(gigabytes);
    return new OutOfMemory(
      `The request needs ${sumText(lacking, held)} of the device's memory; ` +
        `of ${total} (${source}) ${free} are free, and ${reserve} stay in reserve. ` +
        "Ask for a smaller picture, fewer pictures or fewer ControlNets",
    );
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
