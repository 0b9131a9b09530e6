export { type DecodeLimits, type DecodeOptions, decodeImage } from "./decode.js";
export { encodeImage, encodingBytes } from "./encode.js";
export { DecoderCrashed, PICTURE_ERRORS, type PictureError, UnsupportedImage } from "./errors.js";
export { type PictureHeader, pictureHeader } from "./picture-header.js";
export { sharp } from "./sharp.js";
export { imageBytes } from "./source.js";
