/** Pictures as DPT wants them: transformers' DPTImageProcessor, driven by the model's own preprocessor_config.json. */
import { InvalidModel } from "@armature/core";
import { type PictureSize, type PillowFilter, pillowResize, type RgbImage, roundHalfEven } from "@armature/pixels";
import type { ModelConfig } from "@armature/weights";

export interface DptImageProcessor {
  /** Missing where pictures keep their size. */
  resize?: Resize;
  /** What a level 0..255 is multiplied by. */
  rescaleFactor: number;
  /** Means of red, green and blue, after the rescaling. */
  mean: number[];
  std: number[];
}

export interface Resize {
  size: PictureSize;
  keepAspectRatio: boolean;
  /** Number that both sides become multiples of. */
  multiple: number;
  filter: PillowFilter;
}

export interface PixelValues extends PictureSize {
  /** [1, 3, H, W]. */
  data: Float32Array;
}

/** Pillow's numbers for its filters, as they stand in `resample`. */
const FILTERS = { 1: "lanczos", 2: "bilinear", 3: "bicubic" } as const;

/** preprocessor_config.json as our own, with the defaults of transformers' class. Throws InvalidModel, naming file and key. */
export function readDptImageProcessor(config: ModelConfig): DptImageProcessor {
  config.ignore("image_processor_type", "feature_extractor_type", "processor_class", "size_divisor");
  config.require({ do_center_crop: false, do_pad: false, do_reduce_labels: false, default_to_square: true });
  const resizes = config.boolean("do_resize", true);
  const resize = {
    size: readSize(config),
    keepAspectRatio: config.boolean("keep_aspect_ratio", false),
    multiple: config.integer("ensure_multiple_of", 1),
    filter: FILTERS[config.oneOf("resample", [1, 2, 3], 3)],
  };
  const rescales = config.boolean("do_rescale", true);
  const rescaleFactor = config.number("rescale_factor", 1 / 255);
  const normalizes = config.boolean("do_normalize", true);
  const mean = config.numbers("image_mean", 3, [0.5, 0.5, 0.5]);
  const std = config.numbers("image_std", 3, [0.5, 0.5, 0.5]);
  if (std.includes(0)) throw new InvalidModel(`${config.file}: image_std is [${std}]; nothing can be divided by 0`);
  config.done();
  return {
    ...(resizes && { resize }),
    rescaleFactor: rescales ? rescaleFactor : 1,
    mean: normalizes ? mean : [0, 0, 0],
    std: normalizes ? std : [1, 1, 1],
  };
}

/** Older files hold one number for both sides. */
function readSize(config: ModelConfig): PictureSize {
  if (!config.isObject("size")) {
    const side = config.integer("size", 384);
    return { width: side, height: side };
  }
  const size = config.section("size");
  const { width, height } = { width: size.integer("width"), height: size.integer("height") };
  size.done();
  return { width, height };
}

/** The picture as the network's input, to the bit as with Pillow and NumPy: levels are rescaled, then normalised. */
export function toPixelValues(image: RgbImage, processor: DptImageProcessor): PixelValues {
  const { data, width, height } = processor.resize
    ? pillowResize(image, resizedSize(image, processor.resize), processor.resize.filter)
    : image;
  const tables = processor.mean.map((_, channel) => levelTable(processor, channel));
  const values = new Float32Array(3 * width * height);
  for (const [channel, table] of tables.entries()) {
    const plane = values.subarray(channel * width * height, (channel + 1) * width * height);
    for (let i = 0, from = channel; i < plane.length; i++, from += 3) plane[i] = table[data[from]!]!;
  }
  return { data: values, width, height };
}

/** What each of the 256 levels becomes, in float32 at every step. */
function levelTable({ rescaleFactor, mean, std }: DptImageProcessor, channel: number): Float32Array {
  const { fround } = Math;
  return Float32Array.from({ length: 256 }, (_, level) => {
    return fround(fround(level * rescaleFactor) - fround(mean[channel]!)) / fround(std[channel]!);
  });
}

/** `size`, or, where the aspect ratio is kept, the size nearest to the picture's own that has one side of `size`. */
export function resizedSize(image: PictureSize, { size, keepAspectRatio, multiple }: Resize): PictureSize {
  const down = size.height / image.height;
  const across = size.width / image.width;
  const nearest = Math.abs(1 - across) < Math.abs(1 - down) ? across : down;
  const side = (length: number) => Math.max(multiple, roundHalfEven(length / multiple) * multiple);
  return {
    width: side((keepAspectRatio ? nearest : across) * image.width),
    height: side((keepAspectRatio ? nearest : down) * image.height),
  };
}
