/** How many pictures are drawn, each from which seed. */
import { z } from "zod";
import { defineFeature } from "./feature.js";

/** JSON knows no larger whole number that stays itself. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER;

const seed = z.union([z.int().min(-1).max(MAX_SEED), z.array(z.int().min(0).max(MAX_SEED)).min(1)]);

export const seeds = defineFeature({
  fields: ({ maxImages }) => ({
    seed: seed
      .optional()
      .describe("Picture i takes seed + i, or item i of a list. -1 or absent: drawn, and reported in the answer"),
    num_images_per_prompt: z
      .int()
      .min(1)
      .max(maxImages)
      .optional()
      .describe("Pictures to make. Default: as many as seed lists, else 1"),
  }),
  *conflicts(request, { maxImages }) {
    const { seed } = request;
    const images = imageCount(request);
    if (Array.isArray(seed) && seed.length !== images) {
      yield { path: ["seed"], message: `wants one seed for each of the ${images} images, found ${seed.length}` };
    }
    if (Array.isArray(seed) && images > maxImages) {
      yield { path: ["seed"], message: `wants at most ${maxImages} seeds, found ${seed.length}` };
    }
    if (typeof seed === "number" && seed > MAX_SEED - (images - 1)) {
      yield { path: ["seed"], message: `wants room for ${images} seeds in a row below 2^53, found ${seed}` };
    }
  },
  resolve(request, { drawSeed }) {
    const { seed } = request;
    if (Array.isArray(seed)) return { seeds: seed };
    const first = seed === undefined || seed < 0 ? drawSeed() : seed;
    return { seeds: Array.from({ length: imageCount(request) }, (_, i) => first + i) };
  },
  answer: { seed: z.array(z.int().min(0)).describe("One for each picture") },
  parameters: ({ seeds }) => ({ seed: seeds, num_images_per_prompt: seeds.length }),
  denoising: ({ seeds }) => ({ seeds }),
});

interface AskedImages {
  seed?: number | number[] | undefined;
  num_images_per_prompt?: number | undefined;
}

/** How many pictures a request asks for. */
export const imageCount = ({ num_images_per_prompt: count, seed }: AskedImages): number =>
  count ?? (Array.isArray(seed) ? seed.length : 1);
