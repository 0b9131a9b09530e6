import type { CompleteRequest } from "@armature/diffusion/request/complete";

export interface PlannedPicture {
  width: number;
  height: number;
  images: number;
}

/** A request that says nothing but its size: both halves of the guidance share a call. One step names all networks. */
export function plannedRequest(
  { width, height, images }: PlannedPicture,
  model: string,
  controlnets: readonly string[],
): CompleteRequest {
  return {
    ...{ model, precision: undefined, size: { width, height }, seeds: Array.from({ length: images }, (_, i) => i) },
    ...{ prompt: "", negativePrompt: "", clipSkip: undefined },
    ...{ numInferenceSteps: 1, scheduler: { name: "DDIMScheduler" }, eta: 0 },
    ...{ guidanceScale: 7.5, guidanceRescale: 0, guidanceInterval: { start: 0, end: 1 } },
    ...{ cacheInterval: 1, tokenDownsampling: 1 },
    controls: controlnets.map((type) => ({
      ...{ type, processor: "none", options: {}, conditioningScale: 1, start: 0, end: 1 },
      ...{ guessMode: false, conditionalOnly: false },
    })),
    ...{ pictures: [], output: { format: "png" } },
  };
}
