/** What depth networks take and give, under transformers' names. */
import { cast, type FeatureMap, picturePort, product, reshape, type Value } from "@armature/graph";

/** Pixels [B, 3, patch*H, patch*W]. */
export const pixelValues = (patch: number) => picturePort(["B", 3, product(patch, "H"), product(patch, "W")]);

/** Inverse depth (B, 1, H, W) → [B, H, W], in float32. */
export const predictedDepth = ({ value, batch, height, width }: FeatureMap): Value =>
  cast(reshape(value, [batch, height, width]), "float32");
