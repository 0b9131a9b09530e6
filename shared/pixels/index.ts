export { annotatorResize, annotatorSize } from "./annotator-resize.js";
export { channelCount, type GreyImage, type PictureSize } from "./grey-image.js";
export { openCvResize } from "./opencv-resize.js";
export { type PillowFilter, pillowResize } from "./pillow-resize.js";
export { type RgbImage, rgbImage } from "./rgb-image.js";
export { roundHalfEven } from "./round.js";
export { type FloatMap, torchInterpolate } from "./torch-interpolate.js";
