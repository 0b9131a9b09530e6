/**
 * Under which names the weights of a network are published. This one list decides what is fetched, what is loaded and what counts
 * as whole: half precision first, then full, then bfloat16; of each the one file, or its shards with their index.
 */

/** Names in diffusers and in transformers. */
const STEMS = ["diffusion_pytorch_model", "model"];
const VARIANTS = [".fp16", "", ".bf16"];

/** One form that the weights in a folder may have. */
interface WeightForm {
  /** The one file: `model.fp16.safetensors`. */
  whole: string;
  /** What the index of its shards may be called. */
  indexes: readonly string[];
  /** How many shards there are in all, by the name of one; undefined for any other name. */
  shardCount(name: string): number | undefined;
}

/** Forms of weight files in the order in which they are looked for. */
export const WEIGHT_FORMS: readonly WeightForm[] = STEMS.flatMap((stem) =>
  VARIANTS.map((variant) => weightForm(stem, variant)),
);

/** The names of weight files among those in a folder, an index first; undefined where no form is whole. */
export function chooseWeights(names: readonly string[]): string[] | undefined {
  for (const { whole, indexes, shardCount } of WEIGHT_FORMS) {
    if (names.includes(whole)) return [whole];
    const index = indexes.find((name) => names.includes(name));
    const shards = names.filter((name) => shardCount(name) !== undefined);
    if (index && shards[0] && shards.length === shardCount(shards[0])) return [index, ...shards.sort()];
  }
  return undefined;
}

/** True for what may hold weights, in a form that is read here or in another. */
export function looksLikeWeights(name: string): boolean {
  return /\.(safetensors|bin|ckpt|pth|pt|pkl|onnx|onnx_data|pb|msgpack|h5|gguf)$/.test(name);
}

/** True for PyTorch's own format, which can run code when it is loaded. */
export function isPickle(name: string): boolean {
  return /\.(bin|ckpt|pth|pt|pkl)$/.test(name);
}

/** What was expected in a folder without weights, and what is there instead, for a message. */
export function weightsExpected(names: readonly string[]): string {
  const wanted = WEIGHT_FORMS.map(({ whole }) => whole).join(", ");
  const found = names.filter(looksLikeWeights).sort();
  const pickles = found.filter(isPickle);
  const others = found.filter((name) => !isPickle(name));
  return [
    `one of ${wanted} was expected, or shards with their index`,
    ...(others.length > 0 ? [`found ${others.slice(0, MOST_NAMED).join(", ")}`] : []),
    ...(pickles.length > 0 ? [`${pickles.slice(0, MOST_NAMED).join(", ")}: a pickle is never loaded`] : []),
  ].join("; ");
}

const MOST_NAMED = 5;

/** The variant stands before the ending (`model.fp16-00001-of-00002.safetensors`) or, in older files, after the count. */
function weightForm(stem: string, variant: string): WeightForm {
  const suffix = variant.replace(".", "\\.");
  const shard = new RegExp(`^${stem}(?:${suffix}-\\d{5}-of-(\\d{5})|-\\d{5}-of-(\\d{5})${suffix})\\.safetensors$`);
  return {
    whole: `${stem}${variant}.safetensors`,
    indexes: [...new Set([`${stem}.safetensors.index${variant}.json`, `${stem}${variant}.safetensors.index.json`])],
    shardCount(name) {
      const match = shard.exec(name);
      return match ? Number(match[1] ?? match[2]) : undefined;
    },
  };
}
