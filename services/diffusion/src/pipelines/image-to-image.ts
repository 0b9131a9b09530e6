import type { CompleteRequest } from "../features/complete.js";
import { beginAt, IMAGE } from "../features/image.js";
import type { Recipe } from "../stages/recipe.js";
import { usualStages } from "./usual-stages.js";

/** Image-to-image, with any number of adapters: the picture gets noise, and `strength` of the steps take it away. */
export function imageToImage(request: CompleteRequest, strength: number): Recipe {
  const { model, size } = request;
  const begin = beginAt(strength, request);
  const { encodePrompt, prepareAdapters, denoise, decode } = usualStages(request, begin);
  return [
    encodePrompt,
    { stage: "encode-image", model, picture: IMAGE, size },
    ...prepareAdapters,
    { ...denoise, image: { begin } },
    decode,
  ];
}
