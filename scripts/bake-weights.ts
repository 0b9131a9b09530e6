/** `npm run bake-weights`: an image with the weights that a lock file pins, on top of a code image, one layer a model. */
import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { lockPath, readLock, verifyWeights, type WeightsLock } from "@armature/fetch";
import { findEngine } from "./container/find-engine.js";
import { WEIGHTS_DOCKERFILE, writeWeightsContext } from "./container/weights-context.js";

const HELP = `Bakes fetched weights into an image: npm run bake-weights -- --dir weights --from armature-diffusion:cpu --tag armature-diffusion:sd15

  --dir FOLDER     where fetch-weights put them
  --lock FILE      default: beside the weights
  --from IMAGE     code image that they go on top of
  --tag IMAGE      name of the new image
  --engine NAME    docker or buildah (default: the first that works here)

Every file is hashed first; nothing is baked that is not what the lock file pins.`;

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    lock: { type: "string" },
    from: { type: "string" },
    tag: { type: "string" },
    engine: { type: "string" },
    help: { type: "boolean" },
  },
});
const { dir, from, tag } = values;
if (values.help) console.log(HELP);
else if (!dir || !from || !tag) {
  console.error(HELP);
  process.exitCode = 2;
} else {
  try {
    await bake(resolve(dir), from, tag);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

async function bake(folder: string, codeImage: string, image: string): Promise<void> {
  const engine = findEngine(values.engine);
  const lock = await readLock(values.lock ?? lockPath(folder));
  await verify(folder, lock);
  // beside the weights, because hard links do not leave a file system
  const context = mkdtempSync(join(dirname(folder), ".bake-"));
  try {
    writeWeightsContext(context, folder, lock, codeImage);
    engine.build({ context, dockerfile: join(context, WEIGHTS_DOCKERFILE), tag: image, buildArgs: {} });
  } finally {
    rmSync(context, { recursive: true });
  }
}

async function verify(folder: string, lock: WeightsLock): Promise<void> {
  const files = await verifyWeights({ dir: folder, lock, signal: new AbortController().signal });
  if (files.length === 0)
    throw new Error(`${folder}: no lock file there, or it pins nothing; fetch-weights writes one`);
  const bad = files.filter(({ state }) => state !== "good");
  if (bad.length === 0) return;
  const list = bad.map(({ repository, path, state }) => `  ${repository}/${path}: ${state}`).join("\n");
  throw new Error(`not what the lock file pins:\n${list}`);
}
