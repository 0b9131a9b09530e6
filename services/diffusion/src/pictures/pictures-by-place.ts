import type { RgbImage } from "@armature/pixels";

/** A request's pictures as stages see them, by their places in the request. */
export type PicturesByPlace = Readonly<Record<string, RgbImage>>;
