/** The table of processors, in the order in which they are listed. */
import { canny } from "./canny.js";
import { depthMidas } from "./depth-midas.js";
import type { Processor } from "./processor.js";

export const PROCESSORS: readonly Processor[] = [canny, depthMidas];

/** The processor of that id, if there is one. */
export function findProcessor(id: string): Processor | undefined {
  return PROCESSORS.find((processor) => processor.id === id);
}
