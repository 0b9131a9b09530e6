/** What an image build needs to bake weights, one layer a model: a folder with just the pinned files, and a Dockerfile that copies them. */
import { copyFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { WeightsLock } from "@armature/fetch";
import { IN_IMAGE } from "./layers.js";

export const WEIGHTS_DOCKERFILE = "Dockerfile";

/**
 * Fills the empty folder `context` from the weights in `dir`. Files are hard links where that is possible, so that nothing is
 * copied and times stay, which makes the layer of an unchanged model the same in every build.
 */
export function writeWeightsContext(context: string, dir: string, lock: WeightsLock, codeImage: string): void {
  for (const [repository, { files }] of Object.entries(lock.repositories)) {
    for (const path of Object.keys(files)) {
      const target = join(context, repository, path);
      mkdirSync(dirname(target), { recursive: true });
      linkOrCopy(join(dir, repository, path), target);
    }
  }
  writeFileSync(join(context, WEIGHTS_DOCKERFILE), weightsDockerfile(Object.keys(lock.repositories), codeImage));
}

/** Copies each repository by an instruction of its own, in the order of their names. */
export function weightsDockerfile(repositories: string[], codeImage: string): string {
  const copies = [...repositories].sort().map((repository) => {
    return `COPY ${JSON.stringify([`${repository}/`, `${IN_IMAGE.weights}/${repository}/`])}`;
  });
  return [`FROM ${codeImage}`, ...copies, `ENV MODELS_DIR=${IN_IMAGE.weights}`, ""].join("\n");
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    copyFileSync(source, target);
  }
}
