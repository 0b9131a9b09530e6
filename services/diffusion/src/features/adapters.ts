/** The adapters that a request's features bring, and what they see. */
import type { Adapter } from "../adapters/index.js";
import { FEATURES, type ResolvedRequest } from "./index.js";

type Request = Omit<ResolvedRequest, "size">;

/** In the order of the features: recipes name them by their places in this list. */
export const adaptersOf = (request: Request): Adapter[] =>
  FEATURES.flatMap((feature) => feature.adapters?.(request) ?? []);

/** A picture that an adapter steers by. */
interface AnsweredControlImage {
  /** Of the adapter, as the request names it. */
  type: string;
  /** The processor that made it; `none`: it came as it is. */
  preprocessor: string;
  /** The place of its picture in the request. */
  place: string;
}

/** What each adapter sees, in the order of the adapters. */
export const controlImagesOf = (request: Request): AnsweredControlImage[] =>
  adaptersOf(request).map(({ type, picture: place }) => {
    const brought = request.pictures.find((picture) => picture.place === place);
    return { type, preprocessor: brought?.annotation?.processor ?? "none", place };
  });
