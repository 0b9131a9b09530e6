/** Why bytes are no picture that may be used. */
import { AppError, type ErrorOf, registerErrors } from "@armature/core";

/** Bytes that are no picture in one of the accepted raster formats. */
export class UnsupportedImage extends AppError {
  readonly code = "unsupported-image";
}

/** The process that decoded this picture ended; others are decoded by a new one. */
export class DecoderCrashed extends AppError {
  readonly code = "decoder-crashed";
}

export const PICTURE_ERRORS = registerErrors({
  "unsupported-image": UnsupportedImage,
  "decoder-crashed": DecoderCrashed,
});

export type PictureError = ErrorOf<typeof PICTURE_ERRORS>;
