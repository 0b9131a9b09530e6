/** The models that the benchmark knows: the embedded ones, and full-size ones with synthetic weights. */
import { join } from "node:path";
import type { BenchModel } from "./cases.js";
import { writeDepthAnything } from "./depth-anything-model.js";
import { writeDptModels } from "./dpt-models.js";
import { type Components, DEPTH_HYBRID, modelComponents } from "./networks.js";
import { writeSd15 } from "./sd15.js";
import type { Form } from "./timed-network.js";

/** Name of the full-size model. */
export const FULL = "SD 1.5";

/** The components of the embedded models, below the folder that holds all models of the repository. */
export const embeddedComponents = (modelsDir: string): Components => ({
  ...modelComponents(join(modelsDir, EMBEDDED)),
  controlnet: join(modelsDir, "controlnet-depth"),
  depth: join(modelsDir, "depth-dpt-tiny"),
});

const EMBEDDED = "tiny-sd";

/** Too small for prepared weights. */
export const embeddedModel = (modelsDir: string): BenchModel => ({
  ...{ name: EMBEDDED, components: embeddedComponents(modelsDir), forms: ["in place", "plain"], size: 128 },
});

interface FullModelSettings {
  /** Folder for the weights. */
  work: string;
  /** The embedded models, whose tokenizer serves. */
  modelsDir: string;
  forms: Form[];
  /** Side of its pictures, in pixels. */
  size: number;
}

/** Writes its weights, unless they are there. */
export async function writeFullModel({ work, modelsDir, forms, size }: FullModelSettings): Promise<BenchModel> {
  const { model, controlnet } = await writeSd15(work, join(modelsDir, EMBEDDED));
  const { depth, hybrid } = await writeDptModels(work);
  const components = {
    ...modelComponents(model),
    ...{ controlnet, depth, [DEPTH_HYBRID]: hybrid, depth_anything: await writeDepthAnything(work) },
  };
  return { name: FULL, components, forms, size };
}
