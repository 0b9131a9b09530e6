/** The diffusion engine: a process that owns the sessions and answers one call after another. */
import { type CallContext, serveEngine } from "@armature/engine";
import { liveDeviceTensors } from "@armature/runtime";
import { factsOf } from "../served/facts-of.js";
import { stageUses } from "../stages/recipe.js";
import type { DiffusionCalls, EngineProgress, EngineSettings, GenerateOutcome, GeneratePayload } from "./calls.js";
import { residentNetworks } from "./resident-networks.js";
import { runRecipe } from "./run-recipe.js";
import { tokenizersOf } from "./tokenizers.js";

type Call = CallContext<EngineProgress>;

serveEngine<DiffusionCalls, EngineSettings>(async (settings) => {
  const { served, device } = settings;
  let report: (event: EngineProgress) => void = () => {};
  const networks = residentNetworks(settings, {
    onLoading: ({ bytes }) => report({ stage: "loading", bytes }),
    onChange: (loaded) => report({ stage: "residency", loaded }),
  });
  const facts = factsOf(served, device);
  const tokenizer = tokenizersOf(served);

  const listen = (call: Call) => {
    report = (event) => call.progress(event);
  };

  async function runGenerate({ recipe, pictures }: GeneratePayload, call: Call): Promise<GenerateOutcome> {
    listen(call);
    call.progress({ stage: "loading" });
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
        checkpoint: call.checkpoint,
        onLoading: () => call.progress({ stage: "loading" }),
        onStage: () => call.progress({ stage: "starting" }),
        onStep: ({ done, total }) => call.progress({ stage: "denoising", step: done, steps: total }),
        onNewKind: () => call.progress({ stage: "compiling" }),
      },
    });
    return { images, timings, cutTexts, computed: { device: device.name ?? "cpu", prepared } };
  }

  return {
    async generate(payload, call) {
      try {
        return await runGenerate(payload, call);
      } finally {
        call.progress({ stage: "ended", deviceTensors: liveDeviceTensors() });
      }
    },
    async load({ id }, call) {
      listen(call);
      await networks.loadEntry(id);
      return networks.status();
    },
    async unload({ id }, call) {
      listen(call);
      await networks.releaseEntry(id);
      return networks.status();
    },
  };
});
