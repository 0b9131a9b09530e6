export { type DecodeLimits, decodeImage } from "./decode.js";
export { encodeImage } from "./encode.js";
export { PICTURE_ERRORS, type PictureError, UnsupportedImage } from "./errors.js";
export { sharp } from "./sharp.js";
export { imageBytes } from "./source.js";
