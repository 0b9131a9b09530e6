/** The table of annotators. */
import type { Processor } from "./annotator.js";
import { canny } from "./canny.js";
import { depthAnything } from "./depth-anything.js";
import { depthMidas } from "./depth-midas.js";

/** The processors of all annotators, in the order in which they are listed. */
export const PROCESSORS: readonly Processor[] = [canny, depthMidas, depthAnything].flat();
