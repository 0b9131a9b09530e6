/** The sizes at which networks are called: those that the recipe of a request says. */
import { recipeOf } from "@armature/diffusion/pipelines/index";
import { factsOf } from "@armature/diffusion/served/facts-of";
import { usedNetwork } from "@armature/diffusion/served/served-networks";
import { recipeUses } from "@armature/diffusion/stages/recipe";
import { type ConfiguredNetwork, CPU_PROFILE, type Sizes } from "@armature/graph";
import type { Configs } from "./configs.js";
import { configuredModels } from "./configured-models.js";
import { ANY_PICTURE, resolvedRequest } from "./resolved-request.js";

/** What of a request decides the sizes of its calls. */
export interface DrawnPictures {
  /** Width and height of the square pictures, in pixels. */
  side: number;
  /** Pictures per request; guidance makes UNet and ControlNets see twice as many. */
  pictures: number;
  /** 1: all tokens attend to all. */
  tokenDownsampling: number;
}

/** The size of a call of a network over a component of that kind. */
type SizesOf = (kind: string, network: ConfiguredNetwork) => Sizes;

/**
 * The sizes of a request's calls on a CPU. A network that the request does not call, such as an annotator's, is called for one picture
 * of its typical size.
 */
export function callSizes(configs: Configs, drawn: DrawnPictures): SizesOf {
  const used = usedSizes(configs, drawn);
  return (kind, network) => {
    const { typicalSide: side } = network;
    return network.ownSizes(used.get(`${kind} ${network.name}`) ?? { B: 1, H: side, W: side });
  };
}

/** Asks for what calls every network of a model: a picture to start from, ControlNets, and steps of the shallow UNet between. */
function usedSizes(configs: Configs, { side, pictures, tokenDownsampling }: DrawnPictures): Map<string, Sizes> {
  if (!configs.unet) return new Map();
  const controlnets = configs.controlnet ? ["controlnet"] : [];
  const served = configuredModels({ id: "model", configs, controlnets });
  const request = resolvedRequest(
    {
      ...{ width: side, height: side, num_images_per_prompt: pictures, token_downsampling: tokenDownsampling },
      ...{ guidance_scale: 7.5, num_inference_steps: 2, cache_interval: 2, image: ANY_PICTURE, strength: 1 },
      controlnets: controlnets.map((type) => ({ type, image: ANY_PICTURE, preprocessor: "none" })),
    },
    served,
  );
  const uses = recipeUses(recipeOf(request), factsOf(served, { profile: CPU_PROFILE }));
  return new Map(uses.map((use) => [`${usedNetwork(use, served).kind} ${use.network}`, use.sizes]));
}
