/** Options that a request hands on under names that are not its own: a scheduler's, a processor's. */
import { z } from "zod";

export const optionName = /^[a-z][a-z0-9_]*$/;

export const optionValue = z.union([
  z.number(),
  z.boolean(),
  z.string().max(100),
  z.null(),
  z.array(z.number()).max(1000),
]);
