/** The proof that built images work: both services in their containers, a picture that follows another's depth, a clean end. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GenerateResponse } from "@armature/diffusion/contract/index";
import type { ContainerEngine } from "./container-engine.js";
import { SERVICES } from "./image-content.js";
import { IN_IMAGE } from "./layers.js";
import { runInContainer, type ServiceContainer, startContainer } from "./service-container.js";

const READY_TIMEOUT_MS = 60_000;
const HEALTH_CHECK = `${IN_IMAGE.app}/dockerfiles/healthcheck.mjs`;

interface Proof {
  /** Milliseconds from the start of the container until it was ready, by service. */
  readyMs: { preprocessor: number; diffusion: number };
  pictureMs: number;
  files: string[];
}

interface ProofOptions {
  engine: ContainerEngine;
  images: { preprocessor: string; diffusion: string };
  /** The picture to follow. */
  example: string;
  /** Folder for what is made. */
  out: string;
}

/** Throws if a container does not get ready, makes no picture, fails its own health check or does not end with 0. */
export async function provePicture({ engine, images, example, out }: ProofOptions): Promise<Proof> {
  const preprocessor = await startContainer(engine, images.preprocessor, { env: { LOG_LEVEL: "warn" } });
  const diffusion = await startContainer(engine, images.diffusion, {
    env: { LOG_LEVEL: "warn", PREPROCESSOR_URLS: preprocessor.url },
  });
  const codes: Array<number | null> = [];
  const proof = await prove({ preprocessor, diffusion }).finally(async () => {
    codes.push(await diffusion.stop(), await preprocessor.stop());
  });
  if (codes.some((code) => code !== 0)) throw new Error(`after SIGTERM: exit codes ${codes.join(" and ")}`);
  return proof;

  async function prove(services: { preprocessor: ServiceContainer; diffusion: ServiceContainer }): Promise<Proof> {
    const readyMs = {
      preprocessor: await services.preprocessor.until("/readyz", READY_TIMEOUT_MS),
      diffusion: await services.diffusion.until("/readyz", READY_TIMEOUT_MS),
    };
    for (const name of SERVICES) await checkHealth(engine, images[name], services[name]);
    const start = performance.now();
    const answer = await generate(services.diffusion.url, example);
    const pictureMs = performance.now() - start;
    return { readyMs, pictureMs, files: writePictures(answer, out) };
  }
}

/** The image's HEALTHCHECK, run as the engine would run it. */
async function checkHealth(engine: ContainerEngine, image: string, { url }: ServiceContainer): Promise<void> {
  const env = { PORT: new URL(url).port };
  const code = await runInContainer(engine, image, { env, args: [HEALTH_CHECK] });
  if (code !== 0) throw new Error(`${image}: the health check ended with ${code}`);
}

async function generate(url: string, example: string): Promise<GenerateResponse> {
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      prompt: "a green sphere and a red cube on a checkered floor under a blue sky",
      seed: 1,
      controlnets: [{ type: "depth", image: readFileSync(example).toString("base64") }],
    }),
  });
  if (!response.ok) throw new Error(`POST /generate: ${response.status} ${await response.text()}`);
  return (await response.json()) as GenerateResponse;
}

function writePictures({ images, control_images: controls }: GenerateResponse, out: string): string[] {
  mkdirSync(out, { recursive: true });
  const pictures = {
    ...Object.fromEntries(images.map((p, i) => [`picture-${i}`, p.image])),
    control: controls[0]?.image,
  };
  return Object.entries(pictures).flatMap(([name, data]) => {
    if (!data) return [];
    const file = join(out, `${name}.png`);
    writeFileSync(file, Buffer.from(data, "base64"));
    return [file];
  });
}
