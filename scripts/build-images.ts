/** `npm run build-images`: builds the images with docker or buildah, weighs them, and makes a picture with what was built. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { succeeds } from "./container/command.js";
import type { ContainerEngine } from "./container/container-engine.js";
import { findEngine } from "./container/find-engine.js";
import { SERVICES, type ServiceName } from "./container/image-content.js";
import { provePicture } from "./container/picture-proof.js";

const HELP = `Builds the images of both services, measures them against their budget, and makes a picture with them.

  --target NAME      cpu (default), webgpu or cuda
  --engine NAME      docker or buildah (default: the first that works here)
  --node-image REF   base of the build, for releases with its digest (default: that of the Dockerfiles)
  --cuda-image REF   where the cuda target takes CUDA's libraries from
  --tag-prefix TEXT  default armature-, which gives armature-diffusion:cpu
  --no-picture       build and measure only
  --out FOLDER       where the picture goes (default out/images)`;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "cpu" },
    engine: { type: "string" },
    "node-image": { type: "string" },
    "cuda-image": { type: "string" },
    "tag-prefix": { type: "string", default: "armature-" },
    "no-picture": { type: "boolean", default: false },
    out: { type: "string", default: "out/images" },
    help: { type: "boolean" },
  },
});
if (values.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
  const engine = findEngine(values.engine);
  for (const service of SERVICES) {
    console.log(`\n== ${imageOf(service)}, with ${engine.name}`);
    build(engine, service);
  }
  console.log("\n== sizes");
  const measured = SERVICES.flatMap((service) => ["--image", `${service}:${values.target}=${imageOf(service)}`]);
  execFileSync(process.execPath, [join(ROOT, "scripts/dist/image-budget.js"), ...measured], { stdio: "inherit" });
  if (!values["no-picture"]) await picture(engine);
}

function build(engine: ContainerEngine, service: ServiceName): void {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  engine.build({
    context: ROOT,
    dockerfile: join(ROOT, "dockerfiles", `${service}.Dockerfile`),
    target: values.target,
    tag: imageOf(service),
    buildArgs: {
      VERSION: version,
      REVISION: revision(),
      ...(values["node-image"] ? { NODE_IMAGE: values["node-image"] } : {}),
      ...(values["cuda-image"] ? { CUDA_IMAGE: values["cuda-image"] } : {}),
    },
  });
}

async function picture(engine: ContainerEngine): Promise<void> {
  console.log("\n== a picture, by the containers");
  const { readyMs, pictureMs, files } = await provePicture({
    engine,
    images: { preprocessor: imageOf("preprocessor"), diffusion: imageOf("diffusion") },
    example: join(ROOT, "models/examples/purple-sphere-and-orange-cube.png"),
    out: values.out,
  });
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  console.log(
    `ready after ${seconds(readyMs.preprocessor)} (preprocessor) and ${seconds(readyMs.diffusion)} (diffusion)`,
  );
  console.log(`picture in ${seconds(pictureMs)}: ${files.join(", ")}; health checks passed, SIGTERM ended both with 0`);
}

function imageOf(service: ServiceName): string {
  return `${values["tag-prefix"]}${service}:${values.target}`;
}

function revision(): string {
  if (!succeeds("git", ["-C", ROOT, "rev-parse", "HEAD"])) return "unknown";
  return execFileSync("git", ["-C", ROOT, "rev-parse", "HEAD"], { encoding: "utf8" }).trim();
}
