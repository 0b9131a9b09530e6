import { z } from "zod";

/**
 * A number or boolean that may arrive as text in a query string. Text that is neither, empty text too, is left for `schema`
 * to refuse. A default belongs into `schema`, so that the JSON Schema shows it.
 */
export function queryValue<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (typeof value === "string" ? fromText(value) : value), schema);
}

function fromText(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}
