/** What a processor is. To add one: a file beside this one, and a row in `index.ts`. */
import type { FloatMap, GreyImage, RgbImage } from "@armature/pixels";
import type { z } from "zod";
import type { DptImageProcessor, PixelValues } from "../depth/dpt-image-processor.js";

export type ControlImage = RgbImage | GreyImage;

export interface Processor<Options extends z.ZodObject = z.ZodObject> {
  /** The last part of the path of `POST /image/{processor}`. */
  id: string;
  /** What the control image shows. */
  description: string;
  /** The query parameters; their defaults give an image of the input's size. */
  options: Options;
  /** The models that it asks the context for; without one of them on disk it is not served. */
  needs?: readonly ModelKind[];
  run(image: RgbImage, options: z.output<Options>, context: ProcessorContext): ControlImage | Promise<ControlImage>;
}

/** What the engine offers to processors. Asking for a model loads it, unless it is loaded already. */
export interface ProcessorContext {
  depth(): Promise<DepthModel>;
}

export type ModelKind = keyof ProcessorContext;

export interface DepthModel {
  imageProcessor: DptImageProcessor;
  /** `pixel_values` [1, 3, H, W] → `predicted_depth` [h, w]. */
  predict(pixelValues: PixelValues): Promise<FloatMap>;
}
