import type { Session } from "@armature/runtime";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.js";

/** What encodes the texts of a model. */
export interface TextTools {
  /** The session of one of the encoders. */
  session(network: { name: string }): Session;
  /** By the files in that folder of the checkpoint. */
  tokenizer(folder: string): ClipTokenizer;
}
