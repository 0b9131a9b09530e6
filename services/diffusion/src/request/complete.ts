import type { ResolvedRequest } from "../features/index.js";
import { completeSize, type Size } from "../features/size.js";

/** A resolved request whose size is known. */
export interface CompleteRequest extends Omit<ResolvedRequest, "size"> {
  size: Size;
}

/** Decides the size by the first picture, if the request leaves it to that; undefined: it has none, or it is not made yet. */
export const completeRequest = (resolved: ResolvedRequest, picture?: Size): CompleteRequest => ({
  ...resolved,
  size: completeSize(resolved.size, picture),
});
