import { isGuided, planEvaluations } from "../denoise/evaluation-plan.js";
import { controlPicture } from "../features/controlnets.js";
import { evaluationsWork } from "../features/cost.js";
import type { CompleteRequest } from "../request/complete.js";
import { scheduleOf } from "../schedulers/index.js";
import type { Recipe } from "../stages/recipe.js";

/** Text-to-image, with any number of ControlNets: the method from prompt to pictures. */
export function textToImage(request: CompleteRequest): Recipe {
  const { model, precision, size, seeds, scheduler, numInferenceSteps, eta, tokenDownsampling } = request;
  const total = scheduleOf(scheduler, numInferenceSteps).timesteps.length;
  const evaluations = planEvaluations(request, total);
  const acting = new Set(evaluations.flatMap(({ passes }) => passes.flatMap(({ controls }) => controls)));
  const guidance = { scale: request.guidanceScale, rescale: request.guidanceRescale };
  return [
    { stage: "encode-prompt", model, texts: textsOf(request) },
    ...request.controls.flatMap(({ type }, control) =>
      acting.has(control)
        ? [{ stage: "prepare-control" as const, model, type, control, picture: controlPicture(control), size }]
        : [],
    ),
    {
      stage: "denoise",
      ...{ model, precision, size, seeds, scheduler, numInferenceSteps, eta, guidance, evaluations, tokenDownsampling },
      controls: request.controls.map(({ type, conditioningScale, guessMode }) => ({
        type,
        conditioningScale,
        guessMode,
      })),
      work: evaluationsWork(request, evaluations),
    },
    { stage: "decode", model, size, images: seeds.length },
  ];
}

/** Skipped layers are the prompt's alone, as in diffusers. */
function textsOf(request: CompleteRequest) {
  const prompt = { text: request.prompt, clipSkip: request.clipSkip ?? 0 };
  return isGuided(request) ? [{ text: request.negativePrompt, clipSkip: 0 }, prompt] : [prompt];
}
