/** Has each service decode pictures side by side until both of its decoders run: they belong to what it holds when idle. */
import { request } from "undici";
import { childProcesses, DECODER } from "../child-processes.js";
import type { ServiceProcess, Stack } from "../services.js";

const DECODERS = 2;
const SIDE_BY_SIDE = 4;
const MAX_ROUNDS = 20;

export async function startDecoders({ diffusion, preprocessor }: Stack, photo: Buffer): Promise<void> {
  const control = { type: "depth", image: photo.toString("base64"), preprocessor: "none" };
  const controlnets = Array(SIDE_BY_SIDE).fill(control);
  const generation = JSON.stringify({ prompt: "x", num_inference_steps: 1, width: 64, height: 64, controlnets });
  await untilDecodersRun(diffusion, () => post(`${diffusion.url}/generate`, generation, "application/json"));
  await untilDecodersRun(preprocessor, () => post(`${preprocessor.url}/image/canny`, photo, "image/png"));
}

async function untilDecodersRun({ process }: ServiceProcess, ask: () => Promise<void>): Promise<void> {
  for (let round = 0; childProcesses(process.pid, DECODER).length < DECODERS; round++) {
    if (round === MAX_ROUNDS) throw new Error("the service does not start its decoders");
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, ask));
  }
}

async function post(url: string, body: string | Buffer, type: string): Promise<void> {
  const answer = await request(url, { method: "POST", headers: { "content-type": type }, body });
  await answer.body.dump();
}
