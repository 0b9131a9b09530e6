/** A service's limits on one request, and the one that no field can keep alone: how much work all of it is. */

/** Each is configuration. */
export interface GenerateLimits {
  /** Width times height. */
  maxPixels: number;
  maxSteps: number;
  /** Pictures per request. */
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

/** What of a request is work; fields that are not known yet are undefined. */
interface RequestedWork {
  width?: number | undefined;
  height?: number | undefined;
  steps?: number | undefined;
  images: number;
}

/** Whether a request is too much work, as far as it is known: asked again once the model's own size and steps are filled in. */
export function workIssue(
  { width, height, steps, images }: RequestedWork,
  limits: GenerateLimits,
): PathIssue | undefined {
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
