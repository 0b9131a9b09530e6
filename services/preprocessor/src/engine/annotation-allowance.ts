/** How long the engine may take until its next sign of progress: from how long the same processor took before, by the pixel. */
import { type Allow, type Allowance, loadingAllowance } from "@armature/engine";
import type { AnnotatePayload, EngineProgress } from "./calls.js";

/** Milliseconds in which a process that computes with its own threads may do next to nothing: neither compute, read nor write. */
const IDLE_MS = 60_000;
/** Least milliseconds for a picture, also after quick ones. */
const LEAST_MS = 30_000;
/** Time for a picture, as a multiple of the slowest before it. */
const FACTOR = 10;

interface AllowanceOptions {
  /** Most milliseconds for a picture. */
  maxJobMs: number;
  /** Whether the engine's own threads compute: then it is never idle. */
  ownThreads: boolean;
}

/** What each processor has taken so far, and what its next picture may take therefore. */
export class AnnotationAllowances {
  /** The slowest of each processor, in milliseconds per pixel. */
  private readonly slowest = new Map<string, number>();

  constructor(private readonly options: AllowanceOptions) {}

  /** The allowance for one picture. */
  annotating({
    processor,
    image: { width, height },
  }: Pick<AnnotatePayload, "processor" | "image">): Allow<EngineProgress> {
    return (event) => (event?.stage === "annotating" ? this.measured(processor, width * height) : this.loading(event));
  }

  /** While networks are loaded. A GPU's picture is tried once more as a whole. */
  loading(event: EngineProgress | undefined): Allowance {
    const { maxJobMs, ownThreads: repeatable } = this.options;
    const bytes = event?.stage === "loading" ? event.bytes : 0;
    return { ...loadingAllowance(bytes, maxJobMs), repeatable };
  }

  /** Notes how many milliseconds a picture took. */
  note({ processor, image: { width, height } }: Pick<AnnotatePayload, "processor" | "image">, ms: number): void {
    this.slowest.set(processor, Math.max(this.slowest.get(processor) ?? 0, ms / (width * height)));
  }

  private measured(processor: string, pixels: number): Allowance {
    const { maxJobMs, ownThreads } = this.options;
    if (!ownThreads) return { what: processor, ms: maxJobMs }; // each size may have to be compiled
    const slowest = this.slowest.get(processor) ?? Number.POSITIVE_INFINITY;
    const ms = Math.min(maxJobMs, Math.max(LEAST_MS, FACTOR * slowest * pixels));
    return { what: processor, ms, idleMs: IDLE_MS };
  }
}
