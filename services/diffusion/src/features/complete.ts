import type { PictureSize } from "@armature/pixels";
import type { ResolvedRequest } from "./index.js";
import { completeSize } from "./size.js";

/** A resolved request whose size is known. */
export interface CompleteRequest extends Omit<ResolvedRequest, "size"> {
  size: PictureSize;
}

/** The sizes of a request's pictures, by their places in it. */
type PictureSizes = Readonly<Record<string, PictureSize>>;

/** Decides the size by the first picture, if the request leaves it to that. `sizes`: none of pictures that are not made yet. */
export function completeRequest(resolved: ResolvedRequest, sizes: PictureSizes = {}): CompleteRequest {
  const [first] = resolved.pictures;
  return { ...resolved, size: completeSize(resolved.size, first && sizes[first.place], first?.size) };
}
