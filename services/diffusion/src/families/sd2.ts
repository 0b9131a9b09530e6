import { readClipTextConfig } from "../networks/clip-text.js";
import { sd1 } from "./sd1.js";

/** Stable Diffusion 2: the networks of the first, with OpenCLIP's text encoder. */
export const sd2: typeof sd1 = {
  ...sd1,
  id: "sd2",
  recognises: (configOf) => readClipTextConfig(configOf("text_encoder")).activation === "gelu",
};
