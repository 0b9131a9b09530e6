/** Lets a request onto the device only if its memory suffices: closes what is not needed, or refuses before anything is taken. */
import { gigabytes, OutOfMemory } from "@armature/core";
import type { DeviceMemory, ReadMemory } from "@armature/devices";
import type { OpenNetworks, Residency } from "@armature/runtime";
import { neededBytes, networkBytes, sumText } from "./needed-bytes.js";
import type { NetworkMemory } from "./network-memory.js";

interface AdmissionOptions {
  opened: OpenNetworks;
  residency: Pick<Residency, "status" | "release">;
  readMemory: ReadMemory;
  /** Bytes that no request gets. */
  reserveBytes: number;
  /** Hears once why requests are let through unchecked. */
  warn: (message: string) => void;
}

export class Admission {
  /** What networks take that are open, or were wanted by the last request; by the key of their sessions. */
  private readonly known = new Map<string, NetworkMemory>();
  private warned = false;

  constructor(private readonly options: AdmissionOptions) {}

  /** Throws OutOfMemory with the sums where an empty device would not hold the networks of each stage. */
  async requireRoom(stages: readonly (readonly NetworkMemory[])[]): Promise<void> {
    if (this.missing(stages.flat()).length === 0) return;
    const memory = await this.readMemory();
    for (const wanted of stages) if (memory) this.refuseTooMuch(wanted, memory);
  }

  /**
   * Returns once there is room for what is still lacking of the networks. Residents that are not needed are released as far as that
   * takes, then those of `later`, then their own at other sizes. Throws OutOfMemory with the sums; nothing is released for what
   * an empty device would not hold. Calls must not overlap.
   */
  async admit(wanted: readonly NetworkMemory[], later: readonly NetworkMemory[] = []): Promise<void> {
    this.remember(wanted);
    if (this.missing(wanted).length === 0) return;
    const { reserveBytes, residency } = this.options;
    let memory = await this.readMemory();
    if (memory) this.refuseTooMuch(wanted, memory);
    while (memory && this.lackingBytes(wanted) > memory.freeBytes - reserveBytes) {
      const key = this.releasable(wanted, later);
      if (key === undefined) throw this.refusal(wanted, memory, this.holdsAny());
      await residency.release(key);
      memory = await this.readMemory();
    }
  }

  private refuseTooMuch(wanted: readonly NetworkMemory[], memory: DeviceMemory): void {
    if (neededBytes(wanted) > memory.totalBytes - this.options.reserveBytes) throw this.refusal(wanted, memory, false);
  }

  private remember(wanted: readonly NetworkMemory[]): void {
    for (const key of this.known.keys()) if (!this.options.opened.has(key)) this.known.delete(key);
    for (const network of wanted) this.known.set(network.key, network);
  }

  private missing(networks: readonly NetworkMemory[]): NetworkMemory[] {
    return networks.filter(({ key }) => !this.options.opened.has(key));
  }

  /** What the request adds to what the process holds. */
  private lackingBytes(wanted: readonly NetworkMemory[]): number {
    const missing = this.missing(wanted);
    return this.holdsAny() ? networkBytes(missing) : neededBytes(missing);
  }

  private holdsAny(): boolean {
    return this.options.opened.keys().length > 0;
  }

  private held(): NetworkMemory[] {
    return this.options.opened.keys().flatMap((key) => this.known.get(key) ?? []);
  }

  /** Undefined where nobody knows: said once. */
  private async readMemory(): Promise<DeviceMemory | undefined> {
    const held = this.held();
    try {
      return await this.options.readMemory(held.length > 0 ? neededBytes(held) : 0);
    } catch (error) {
      const reason = (error as Error).message;
      if (!this.warned) this.options.warn(`requests are not held against the device's memory: ${reason}`);
      this.warned = true;
      return undefined;
    }
  }

  /** The least recently used resident that has a session open; one that is wanted later after all others, one's own last. */
  private releasable(wanted: readonly NetworkMemory[], later: readonly NetworkMemory[]): string | undefined {
    const holding = new Set(this.held().map(({ resident }) => resident));
    const candidates = this.options.residency.status().filter(({ key }) => holding.has(key));
    const own = new Set(wanted.map(({ resident }) => resident));
    const kept = new Set([...wanted, ...later].map(({ resident }) => resident));
    const first = candidates.find(({ key }) => !kept.has(key)) ?? candidates.find(({ key }) => !own.has(key));
    return (first ?? candidates[0])?.key;
  }

  private refusal(
    wanted: readonly NetworkMemory[],
    { source, freeBytes, totalBytes }: DeviceMemory,
    held: boolean,
  ): OutOfMemory {
    const lacking = held ? this.missing(wanted) : wanted;
    const [free, total, reserve] = [freeBytes, totalBytes, this.options.reserveBytes].map((bytes) => gigabytes(bytes));
    return new OutOfMemory(
      `The request needs ${sumText(lacking, held)} of the device's memory; ` +
        `of ${total} (${source}) ${free} are free, and ${reserve} stay in reserve. ` +
        "Ask for a smaller picture, fewer pictures or fewer ControlNets",
    );
  }
}
