/** An operator's wish that a network be in memory, or out of it, as a job: it takes its turn with the generations. */
import type { JobKind, JobSpec } from "@armature/jobs";

interface LoadInput {
  /** Of a served model or ControlNet. */
  id: string;
  load: boolean;
}

export const LOAD = "load";

/** The job goes on when its operator leaves. */
export function loadSpec(input: LoadInput): JobSpec<LoadInput> {
  return { kind: LOAD, input, cost: 0, client: "operator", detached: true };
}

/** Loads and unloads. */
export function loadKind(setLoaded: (id: string, load: boolean) => Promise<void>): JobKind<LoadInput, void, void> {
  return {
    needsPreparation: () => false,
    prepare: async () => {},
    run: ({ id, load }) => setLoaded(id, load),
    finish: async () => null,
  };
}
