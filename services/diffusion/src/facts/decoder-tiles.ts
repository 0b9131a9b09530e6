import type { DeviceProfile } from "@armature/graph";
import type { VaeConfig } from "../networks/vae.js";
import type { TilePlan } from "../pictures/tiled-decode.js";

/** Latent cells that neighbouring tiles share: about what a pixel of the decoder sees to one side. */
const TILE_OVERLAP = 8;
const SMALLEST_TILE = 16;

/**
 * The largest tile whose widest activation stays below what the device binds whole: at full size there are as many channels as
 * at the second finest level.
 */
export function decoderTiles({ channels, scale }: VaeConfig, profile: DeviceProfile): TilePlan | undefined {
  const { maxTensorBytes, compute } = profile;
  if (maxTensorBytes === undefined) return undefined;
  const widest = (channels[1] ?? channels[0]!) * (compute === "float16" ? 2 : 4);
  const side = Math.floor(Math.sqrt(maxTensorBytes / widest) / scale);
  return { side: Math.max(SMALLEST_TILE, side - (side % 8)), overlap: TILE_OVERLAP };
}
