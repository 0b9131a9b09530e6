/** The budget file: what each layer of each image may weigh, and what the pinned base weighed when it was last measured. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { LAYERS, type Layer } from "../container/layers.js";

const Limit = z.strictObject({ unpackedMB: z.number().positive(), compressedMB: z.number().positive() });
const Size = z.strictObject({ unpacked: z.int().positive(), compressed: z.int().positive() });
const Names = z.array(z.string()).optional();

/** `code` is every layer but the weights. */
const ImageBudget = z.strictObject({
  ...(Object.fromEntries(LAYERS.map((layer) => [layer, Limit])) as Record<Layer, typeof Limit>),
  code: Limit,
});

const Deployment = z.strictObject({
  name: z.string(),
  image: z.string(),
  models: Names,
  controlnets: Names,
  annotators: Names,
  maxGB: z.number().positive().describe("Of code and weights together, unpacked"),
  referenceGB: z.number().positive().optional().describe("The image of the reference stack with the same models"),
});

const BudgetFile = z.strictObject({
  warnAtPercent: z.number().min(1).max(100),
  images: z.record(z.string(), ImageBudget),
  deployments: z.array(Deployment),
  recorded: z.record(z.string(), z.strictObject({ from: z.string(), base: Size, node: Size })),
});

export type BudgetFile = z.infer<typeof BudgetFile>;
export type Deployment = z.infer<typeof Deployment>;
export type Limit = z.infer<typeof Limit>;

/** The budget at `path`. Throws for one that is not sound, naming the field. */
export function readBudget(path: string): BudgetFile {
  const result = BudgetFile.safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Error(`${path}: ${issue?.path.join(" → ")}: ${issue?.message}`);
}
