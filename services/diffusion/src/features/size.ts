/** How large the picture is. */
import { InvalidRequest } from "@armature/core";
import type { PictureSize } from "@armature/pixels";
import { z } from "zod";
import { defineFeature, type SizeRule } from "./feature.js";

/** At 64 pixels the lowest level of the UNet is one latent wide. */
const MIN_SIDE = 64;

const SIDE =
  "Pixels, a multiple of 8. Without width and height the first picture decides: image, or a control image that is one already, by its own size; one that is made of a photograph by its shape. Without pictures: the model's own size";

/** Of a request that gives no size: it is decided by the first picture, or it is a square of this side. */
export interface OpenSize {
  side: number;
  /** Pixels that a picture may give it. */
  most: number;
}

export const size = defineFeature({
  fields({ maxPixels }) {
    const most = eights(maxPixels / MIN_SIDE);
    const side = z.int().min(MIN_SIDE).max(most).multipleOf(8).optional();
    return {
      width: side.describe(SIDE),
      height: side.describe(SIDE),
    };
  },
  resolve(
    { width, height },
    {
      model: {
        id,
        latents: { scale },
        configs: { unet },
      },
      limits,
    },
  ): { size: PictureSize | OpenSize } {
    const side = unet.sampleSize * scale;
    if (width === undefined && height === undefined) return { size: { side, most: limits.maxPixels } };
    const issues = Object.entries({ width: width ?? side, height: height ?? side })
      .filter(([, pixels]) => pixels % scale !== 0)
      .map(([name, pixels]) => ({
        pointer: `/${name}`,
        detail: `wants a multiple of ${scale} for ${id}, found ${pixels}`,
      }));
    if (issues.length > 0) throw new InvalidRequest(issues);
    return { size: { width: width ?? side, height: height ?? side } };
  },
  parameters: ({ size }) => completeSize(size, undefined),
  *warnings({ size, pictures: [first] }, made) {
    if ("width" in size || first?.size !== "kept") return;
    const { width, height } = made.pictures[first.place]!;
    if (eights(width) === made.size.width && eights(height) === made.size.height) return;
    const limits = `pictures have ${MIN_SIDE} pixels a side and more, and this one ${size.most} at most`;
    yield `The size of ${first.place}, ${width}x${height}, was not kept but made ${made.size.width}x${made.size.height}: ${limits}`;
  },
});

/** The size of a request whose first picture, if it has one, is known. */
export function completeSize(
  size: PictureSize | OpenSize,
  picture?: PictureSize,
  rule: SizeRule = "shape",
): PictureSize {
  if ("width" in size) return size;
  const { side, most } = size;
  if (!picture) return { width: side, height: side };
  return rule === "kept" ? sizeOf(picture, most) : sizeLike(picture, side);
}

/** The size of a picture in multiples of 8, rounded down; shrunk to `most` pixels, and grown to 64 on each side. */
function sizeOf({ width, height }: PictureSize, most: number): PictureSize {
  const factor = Math.max(MIN_SIDE / Math.min(width, height), Math.min(1, Math.sqrt(most / (width * height))));
  const fit = (pixels: number) => Math.min(eights(most / MIN_SIDE), Math.max(MIN_SIDE, eights(pixels * factor)));
  return { width: fit(width), height: fit(height) };
}

/** Rounded down. */
const eights = (pixels: number): number => Math.floor(pixels / 8) * 8;

/** The size of a picture like `picture` with about `side` squared pixels, in multiples of 8 and at least 64. */
function sizeLike(picture: PictureSize, side: number): PictureSize {
  const factor = side / Math.sqrt(picture.width * picture.height);
  const round = (pixels: number) => Math.min(side * 4, Math.max(MIN_SIDE, Math.round((pixels * factor) / 8) * 8));
  return { width: round(picture.width), height: round(picture.height) };
}
