import { type MapPort, pictureMap } from "@armature/graph";
import type { EncoderConfig } from "../unet-config.js";

/** What a ControlNet sees of its control image, for one picture or for each of a batch: arXiv:2302.05543, section 3.2. */
export function hintPort({ levels }: EncoderConfig): MapPort {
  return pictureMap([levels[0]!.channels, "H", "W"]);
}
