import { join } from "node:path";
import { familyOf } from "../families/index.js";
import type { Served } from "../served/served.js";
import { type ClipTokenizer, loadClipTokenizer } from "../tokenizer/clip-tokenizer.js";

/** The tokenizers of served models, each read when it is first asked for. */
export function tokenizersOf({ models }: Pick<Served, "models">): (model: string) => ClipTokenizer {
  const known = new Map<string, ClipTokenizer>();
  return (id) => {
    const tokenizer = known.get(id) ?? readTokenizer(models.find((model) => model.id === id)!);
    known.set(id, tokenizer);
    return tokenizer;
  };
}

/** From the files that the model's family names. */
function readTokenizer({ folder, family }: Served["models"][number]): ClipTokenizer {
  return loadClipTokenizer(join(folder, familyOf(family).textConditioning.tokenizer));
}
