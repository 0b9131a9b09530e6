/** The layers of an image, in the order in which they are laid: what changes seldom comes first and is pulled once. */

export const LAYERS = ["base", "node", "dependencies", "weights", "app"] as const;
export type Layer = (typeof LAYERS)[number];

/** Paths in an image. */
export const IN_IMAGE = {
  node: "/usr/local/bin/node",
  app: "/app",
  modules: "/app/node_modules",
  embeddedModels: "/app/models",
  weights: "/weights",
} as const;

/** The layer that the file at `path` of an image belongs to. */
export function layerOf(path: string): Layer {
  if (path === IN_IMAGE.node) return "node";
  if (within(path, IN_IMAGE.embeddedModels) || within(path, IN_IMAGE.weights)) return "weights";
  if (within(path, IN_IMAGE.modules)) return "dependencies";
  return within(path, IN_IMAGE.app) ? "app" : "base";
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
