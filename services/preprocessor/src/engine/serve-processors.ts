/**
 * The inside of the preprocessor's engine process: it does all work on pixels, one call after another, and owns the sessions.
 * Processors without a network work here, too: canny takes a second or two for a large picture, which would hold up HTTP.
 */
import { type CallContext, serveEngine } from "@armature/engine";
import { Residency } from "@armature/runtime";
import type { Processor } from "../annotators/annotator.js";
import type { AnnotateOutcome, AnnotatePayload, EngineProgress, EngineSettings, PreprocessorCalls } from "./calls.js";
import { loadableNetworks } from "./loadable-networks.js";

/** Serves these processors; the HTTP process checks ids and options against the same table. */
export function serveProcessors(processors: readonly Processor[]): void {
  serveEngine<PreprocessorCalls, EngineSettings>(async ({ models, device, budgetBytes }) => {
    let report: (event: EngineProgress) => void = () => {};
    const residency = new Residency({
      ...{ budgetBytes, now: Date.now },
      onLoading: ({ bytes }) => report({ stage: "loading", bytes }),
      onChange: (loaded) => report({ stage: "residency", loaded }),
    });

    const listen = (call: CallContext<EngineProgress>) => {
      report = (event) => call.progress(event);
    };

    /** Loads what is missing, after releasing others as far as the budget asks. */
    async function openNetworks(processor: Processor): Promise<Record<string, unknown>> {
      const loadables = loadableNetworks(processor, models, device);
      const loaded = await residency.acquire(Object.values(loadables));
      return Object.fromEntries(Object.keys(loadables).map((name, i) => [name, loaded[i]?.opened]));
    }

    async function annotate(payload: AnnotatePayload, call: CallContext<EngineProgress>): Promise<AnnotateOutcome> {
      listen(call);
      const processor = named(payload.processor);
      const start = performance.now();
      const networks = await openNetworks(processor);
      const loaded = performance.now();
      call.progress({ stage: "annotating" });
      const image = await processor.run(payload.image, payload.options, networks);
      return { image, loadMs: loaded - start, inferenceMs: performance.now() - loaded };
    }

    return {
      annotate,
      async warm({ processor }, call) {
        listen(call);
        await openNetworks(named(processor));
      },
    };
  });

  function named(id: string): Processor {
    const processor = processors.find((candidate) => candidate.id === id);
    if (!processor) throw new Error(`The engine has no processor ${id}`);
    return processor;
  }
}
