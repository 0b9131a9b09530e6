/** The diffusion engine: a process that owns the sessions and takes one job after another. */
import { type CallContext, serveEngine } from "@armature/engine";
import { liveDeviceTensors, type ResidentStatus } from "@armature/runtime";
import { factsOf } from "../served/facts-of.js";
import { stageUses } from "../stages/recipe.js";
import type { EngineJobs, EngineProgress, EngineSettings, GenerateOutcome, GeneratePayload } from "./jobs.js";
import { residentNetworks } from "./resident-networks.js";
import { runRecipe } from "./run-recipe.js";
import { tokenizersOf } from "./tokenizers.js";

type Job = CallContext<EngineProgress>;

serveEngine<EngineJobs, EngineSettings>(async (settings) => {
  const { served, device } = settings;
  let report: (loaded: ResidentStatus[]) => void = () => {};
  const networks = residentNetworks(settings, (loaded) => report(loaded));
  const facts = factsOf(served, device);
  const tokenizer = tokenizersOf(served);

  const listen = (job: Job) => {
    report = (loaded) => job.progress({ stage: "residency", loaded });
  };

  async function runGenerate({ recipe, pictures }: GeneratePayload, job: Job): Promise<GenerateOutcome> {
    listen(job);
    job.progress({ stage: "loading" });
    await networks.requireRoom(recipe.map((stage) => stageUses(stage, facts)));
    const {
      images,
      timings,
      preparedNetworks: prepared,
      cutTexts = {},
    } = await runRecipe(recipe, {
      ...{ pictures, facts, tokenizer, load: networks.load },
      now: () => performance.now(),
      events: {
        checkpoint: job.checkpoint,
        onLoading: () => job.progress({ stage: "loading" }),
        onStage: () => job.progress({ stage: "starting" }),
        onStep: ({ done, total }) => job.progress({ stage: "denoising", step: done, steps: total }),
        onNewKind: () => job.progress({ stage: "compiling" }),
      },
    });
    return { images, timings, cutTexts, computed: { device: device.name ?? "cpu", prepared } };
  }

  return {
    async generate(payload, job) {
      try {
        return await runGenerate(payload, job);
      } finally {
        job.progress({ stage: "ended", deviceTensors: liveDeviceTensors() });
      }
    },
    async load({ id }, job) {
      listen(job);
      await networks.loadEntry(id);
      return networks.status();
    },
    async unload({ id }, job) {
      listen(job);
      await networks.releaseEntry(id);
      return networks.status();
    },
  };
});
