/** What may be a name on the wire. Names become paths and table keys, so nothing else ever reaches those. */
import { z } from "zod";

const WORD = "[A-Za-z0-9][A-Za-z0-9_.+-]*";

/** A ControlNet type or a processor: `depth`, `lineart_anime`, `depth_leres++`. Neither `__proto__` nor `../x` is one. */
export const name = z
  .string()
  .max(64)
  .regex(new RegExp(`^${WORD}$`), "wants a name of letters, digits and _ . + -, beginning with a letter or digit");

/** A model: a folder's path under the root of models, such as `tiny-sd` or `Lykon/DreamShaper`. */
export const modelId = z
  .string()
  .max(200)
  .regex(
    new RegExp(`^${WORD}(/${WORD})*$`),
    "wants a model id such as tiny-sd or Lykon/DreamShaper: names of letters, digits and _ . + -, parted by /",
  );

/** A ControlNet: a type, or the folder of one. */
export const controlNetName = z
  .string()
  .max(200)
  .regex(
    new RegExp(`^${WORD}(/${WORD})*$`),
    "wants a type such as depth, or a folder such as lllyasviel/sd-controlnet-depth: names of letters, digits and _ . + -, parted by /",
  );

/** A scheduler under diffusers' class name or a usual short one: `DPMSolverMultistepScheduler`, `dpm++2m karras`, `euler_a`. */
export const schedulerName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.+ -]*$/, "wants a scheduler's name, such as euler_a or DPMSolverMultistepScheduler");
