/** Why bytes are no picture that may be used. */
import { AppError, type ErrorOf, registerErrors } from "@armature/core";

/** Bytes that are no picture in one of the accepted raster formats. */
export class UnsupportedImage extends AppError {
  readonly code = "unsupported-image";
}

export const PICTURE_ERRORS = registerErrors({
  "unsupported-image": UnsupportedImage,
});

export type PictureError = ErrorOf<typeof PICTURE_ERRORS>;
