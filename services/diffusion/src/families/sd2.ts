import type { ModelFamily } from "./family.js";
import { sd1 } from "./sd1.js";

/** Stable Diffusion 2: the networks of the first, with OpenCLIP's text encoder. */
export const sd2: ModelFamily = {
  ...sd1,
  id: "sd2",
  recognises: ({ text }) => text.activation === "gelu",
};
