/** The preprocessor's engine: a process that does all work on pixels, one job after another, and owns the model sessions. */
import { type JobContext, serveEngine } from "@armature/engine";
import { Residency, type ResidentStatus } from "@armature/runtime";
import { findProcessor } from "../processors/index.js";
import type { Processor, ProcessorContext } from "../processors/processor.js";
import { depthModel } from "./depth-model.js";
import type { AnnotateOutcome, AnnotatePayload, EngineJobs, EngineProgress, EngineSettings } from "./jobs.js";
import { loadableDepth } from "./load-networks.js";

type Job = JobContext<EngineProgress>;

serveEngine<EngineJobs, EngineSettings>(async ({ catalogue, device, budgetBytes }) => {
  let report: (loaded: ResidentStatus[]) => void = () => {};
  const residency = new Residency({ budgetBytes, now: Date.now, onChange: (loaded) => report(loaded) });
  const { depth } = catalogue;
  const loadable = depth && loadableDepth(depth, device);

  const models: ProcessorContext = {
    async depth() {
      if (!depth || !loadable) throw new Error("The engine has no depth model");
      const [session] = await residency.acquire([loadable]);
      return depthModel(depth.imageProcessor, session);
    },
  };

  async function annotate(payload: AnnotatePayload, job: Job): Promise<AnnotateOutcome> {
    report = job.progress;
    const { run, options } = named(payload.processor);
    const loading = stopwatch();
    const start = performance.now();
    const image = await run(payload.image, options.parse(payload.options), {
      depth: () => loading.measure(models.depth),
    });
    return { image, loadMs: loading.totalMs, inferenceMs: performance.now() - start - loading.totalMs };
  }

  return {
    annotate,
    async warm({ processor }, job) {
      report = job.progress;
      for (const kind of named(processor).needs ?? []) await models[kind]();
    },
  };
});

/** The HTTP process has checked the id against the same table. */
function named(id: string): Processor {
  const processor = findProcessor(id);
  if (!processor) throw new Error(`The engine has no processor ${id}`);
  return processor;
}

/** Adds up the time of what it measures. */
function stopwatch() {
  return {
    totalMs: 0,
    async measure<T>(work: () => Promise<T>): Promise<T> {
      const start = performance.now();
      try {
        return await work();
      } finally {
        this.totalMs += performance.now() - start;
      }
    },
  };
}
