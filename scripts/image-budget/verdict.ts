/** Measurements against their budget. */
import { LAYERS, type Layer } from "../container/layers.js";
import type { BudgetFile, Limit } from "./budget-file.js";
import { codeSize, type LayerSize, type Measurement } from "./measurement.js";

export type Verdict = "within" | "near" | "over";

export interface Line {
  /** A layer, or `code` for all but the weights. */
  part: Layer | "code";
  size: LayerSize;
  limit: Limit;
  verdict: Verdict;
}

const MB = 1e6;

/** Files that only weights are. */
const WEIGHT_FILE = /\.(?:safetensors|onnx|pth|pt|ckpt|bin|gguf)$/;

/** One line per layer, and one for the code. Throws if the budget does not know the image. */
export function judge({ image, layers }: Measurement, budget: BudgetFile): Line[] {
  const limits = budget.images[image];
  if (!limits) throw new Error(`${image}: not in the budget; it knows ${Object.keys(budget.images).join(", ")}`);
  const near = budget.warnAtPercent / 100;
  const line = (part: Line["part"], size: LayerSize): Line => {
    const limit = limits[part];
    return { part, size, limit, verdict: verdictOf(usedShare(size, limit), near) };
  };
  return [...LAYERS.map((layer) => line(layer, layers[layer])), line("code", codeSize(layers))];
}

/** The larger of the two shares of the limit that are used; 1 is all of it. */
export function usedShare({ unpacked, compressed }: LayerSize, { unpackedMB, compressedMB }: Limit): number {
  return Math.max(unpacked / (unpackedMB * MB), compressed / (compressedMB * MB));
}

export function verdictOf(share: number, near: number): Verdict {
  if (share > 1) return "over";
  return share > near ? "near" : "within";
}

/** Paths of weights that lie in a layer of code, where every change of code would move them again. */
export function misplacedWeights({ files }: Measurement): string[] {
  return files.filter(({ layer, path }) => layer !== "weights" && WEIGHT_FILE.test(path)).map(({ path }) => path);
}
