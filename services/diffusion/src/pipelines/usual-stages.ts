/** The stages that pipelines have in common, as a request asks for them. */
import { isGuided, planEvaluations } from "../denoise/evaluation-plan.js";
import { adaptersOf } from "../features/adapters.js";
import type { CompleteRequest } from "../features/complete.js";
import { evaluationsWork } from "../features/cost.js";
import { denoisingOf } from "../features/index.js";
import { scheduleOf } from "../schedulers/index.js";
import type { StageNamed } from "../stages/index.js";

interface UsualStages {
  encodePrompt: StageNamed<"encode-prompt">;
  /** Of the adapters that act at all. */
  prepareAdapters: StageNamed<"prepare-adapter">[];
  denoise: StageNamed<"denoise">;
  decode: StageNamed<"decode">;
}

/** `begin`: the index of the timestep that denoising begins at. Windows of guidance and adapters are shares of what is left. */
export function usualStages(request: CompleteRequest, begin = 0): UsualStages {
  const { model, size, seeds, scheduler, numInferenceSteps } = request;
  const total = scheduleOf(scheduler, numInferenceSteps).timesteps.length - begin;
  const adapters = adaptersOf(request);
  const evaluations = planEvaluations({ ...request, adapters }, total);
  const acting = new Set(evaluations.flatMap(({ calls }) => calls.flatMap((call) => call.adapters)));
  return {
    encodePrompt: { stage: "encode-prompt", model, texts: textsOf(request) },
    prepareAdapters: adapters.flatMap((adapter, place) =>
      acting.has(place) ? [{ stage: "prepare-adapter" as const, model, adapter, place, size }] : [],
    ),
    denoise: {
      ...{ stage: "denoise", ...denoisingOf(request), model, size, evaluations, adapters },
      work: evaluationsWork(request, evaluations),
    },
    decode: { stage: "decode", model, size, images: seeds.length },
  };
}

/** Skipped layers are the prompt's alone, as in diffusers. */
function textsOf(request: CompleteRequest) {
  const prompt = { text: request.prompt, clipSkip: request.clipSkip ?? 0 };
  return isGuided(request) ? [{ text: request.negativePrompt, clipSkip: 0 }, prompt] : [prompt];
}
