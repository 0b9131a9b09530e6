import { handedMap, type ReplacingPort } from "@armature/graph";
import type { EncoderConfig } from "../unet-config.js";

/** What enters the UNet's last layer: the UNet gives it, the shallow UNet takes it at the steps between (arXiv:2312.00858). */
export function deepPort({ levels }: EncoderConfig): ReplacingPort {
  return handedMap(["B", levels[0]!.channels, "H", "W"]);
}
