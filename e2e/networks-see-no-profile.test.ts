/** A network is the same for every device: how a device wants its layers is the business of shared/graph alone. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CPU_PROFILE, GraphBuilder } from "@armature/graph";
import { noWeights } from "@armature/weights";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = [
  "services/diffusion/src/networks",
  "services/diffusion/src/adapters",
  "services/diffusion/src/denoise",
  "services/diffusion/src/pictures",
  "services/diffusion/src/prompts",
  "services/diffusion/src/pipelines",
  "services/diffusion/src/schedulers",
  "services/diffusion/src/stages",
  "services/preprocessor/src/networks",
];

const sources = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(folder, name)),
);

test.each(sources)("%s does not name a device profile", (source) => {
  expect(readFileSync(join(ROOT, source), "utf8")).not.toMatch(/profile/i);
});

test("a graph has no profile under a name that networks know", () => {
  const graph = new GraphBuilder(CPU_PROFILE, noWeights("none"));
  // @ts-expect-error the key is not in the face of the package
  expect(graph.profile).toBeUndefined();
  expect(Object.values(graph)).not.toContain(CPU_PROFILE);
});
