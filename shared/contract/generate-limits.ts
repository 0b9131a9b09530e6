/** What no field of a generation can say alone: whether fields fit together, and whether all of it is too much work. */

/** A service's limits on one request; each is configuration. */
export interface GenerateLimits {
  /** Width times height. */
  maxPixels: number;
  maxSteps: number;
  /** Pictures a request. */
  maxImages: number;
  maxControlNets: number;
  /** Characters. */
  maxPromptLength: number;
  /** Pixels times steps times pictures: limits on each alone multiply to far more than anyone should have at once. */
  maxWork: number;
}

/** A wrong field, by its path in the request. */
export interface PathIssue {
  path: (string | number)[];
  message: string;
}

/** The fields of a request that are looked at together. Absent ones are not filled in yet. */
interface RelatedFields {
  width?: number | undefined;
  height?: number | undefined;
  num_inference_steps?: number | undefined;
  num_images_per_prompt?: number | undefined;
  seed?: number | number[] | undefined;
  guidance_interval: [number, number];
  controlnets: {
    preprocessor?: string | undefined;
    preprocessor_options: object;
    control_guidance_start: number;
    control_guidance_end: number;
  }[];
  output: { format: string; quality?: number | undefined };
}

/** How many pictures a request asks for. */
export function imageCount({
  num_images_per_prompt,
  seed,
}: Pick<RelatedFields, "num_images_per_prompt" | "seed">): number {
  return num_images_per_prompt ?? (Array.isArray(seed) ? seed.length : 1);
}

/** Everything that does not fit together in a request whose fields are right one by one. */
export function issuesAcrossFields(request: RelatedFields, limits: GenerateLimits): PathIssue[] {
  const work = workIssue(request, limits);
  return [
    ...seedIssues(request, limits),
    ...intervalIssues(request.guidance_interval),
    ...request.controlnets.flatMap((net, index) => [...controlNetIssues(net, index)]),
    ...outputIssues(request.output),
    ...(work ? [work] : []),
  ];
}

/**
 * Whether the request is too much work, as far as its fields are known. The service asks again once it has filled in the
 * model's own size and steps.
 */
export function workIssue(request: RelatedFields, limits: GenerateLimits): PathIssue | undefined {
  const { width, height, num_inference_steps: steps } = request;
  const images = imageCount(request);
  if (width && height && width * height > limits.maxPixels) {
    const found = `${width}x${height} = ${width * height}`;
    return { path: ["width"], message: `wants width times height to be at most ${limits.maxPixels}, found ${found}` };
  }
  const work = (width ?? 0) * (height ?? 0) * (steps ?? 0) * images;
  if (work <= limits.maxWork) return undefined;
  const found = `${width}x${height} x ${steps} x ${images} = ${work}`;
  return {
    path: ["num_inference_steps"],
    message: `wants pixels times steps times images to be at most ${limits.maxWork}, found ${found}; lower one of them`,
  };
}

function* seedIssues(request: RelatedFields, limits: GenerateLimits): Generator<PathIssue> {
  const { seed } = request;
  const images = imageCount(request);
  if (Array.isArray(seed) && seed.length !== images) {
    yield { path: ["seed"], message: `wants one seed for each of the ${images} images, found ${seed.length}` };
  }
  if (Array.isArray(seed) && images > limits.maxImages) {
    yield { path: ["seed"], message: `wants at most ${limits.maxImages} seeds, found ${seed.length}` };
  }
  if (typeof seed === "number" && seed > Number.MAX_SAFE_INTEGER - (images - 1)) {
    yield { path: ["seed"], message: `wants room for ${images} seeds in a row below 2^53, found ${seed}` };
  }
}

function* intervalIssues([start, end]: RelatedFields["guidance_interval"]): Generator<PathIssue> {
  if (start < end) return;
  yield { path: ["guidance_interval"], message: `wants its start below its end, found ${start} and ${end}` };
}

function* controlNetIssues(net: RelatedFields["controlnets"][number], index: number): Generator<PathIssue> {
  const { control_guidance_start: start, control_guidance_end: end } = net;
  if (start >= end) {
    const path = ["controlnets", index, "control_guidance_start"];
    yield { path, message: `wants less than control_guidance_end, found ${start} and ${end}` };
  }
  if (net.preprocessor === "none" && Object.keys(net.preprocessor_options).length > 0) {
    const path = ["controlnets", index, "preprocessor_options"];
    yield { path, message: "wants no options, since preprocessor is none" };
  }
}

function* outputIssues({ format, quality }: RelatedFields["output"]): Generator<PathIssue> {
  if (format === "png" && quality !== undefined) {
    yield { path: ["output", "quality"], message: "wants webp or jpeg as the format: png is always lossless" };
  }
}
