import { join } from "node:path";
import type { Served } from "../served/served.js";
import { type ClipTokenizer, loadClipTokenizer } from "../tokenizer/clip-tokenizer.js";

/** The tokenizers of served models, by the folders of their files; each is read when it is first asked for. */
export function tokenizersOf({ models }: Pick<Served, "models">): (model: string, folder: string) => ClipTokenizer {
  const known = new Map<string, ClipTokenizer>();
  return (id, folder) => {
    const path = join(models.find((model) => model.id === id)!.folder, folder);
    const tokenizer = known.get(path) ?? loadClipTokenizer(path);
    known.set(path, tokenizer);
    return tokenizer;
  };
}
