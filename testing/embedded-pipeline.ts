/** The embedded models in a pipeline of the test's own process, and a plain request to change. */
import type { Tensors } from "@armature/runtime";
import { type ControlNetEntry, readCatalogue } from "../services/diffusion/src/engine/catalogue.js";
import type { DiffusionDevice } from "../services/diffusion/src/engine/device-settings.js";
import { openControlNet, openModel, openShallowUNet } from "../services/diffusion/src/engine/open-component.js";
import type { ControlNet, Model, ShallowUNet } from "../services/diffusion/src/pipeline/components.js";
import { type GenerateRequest, generate } from "../services/diffusion/src/pipeline/generate.js";
import { seededNoise } from "../services/diffusion/src/pipeline/noise.js";
import { resolveScheduler } from "../services/diffusion/src/schedulers/resolve.js";
import { EMBEDDED_MODELS } from "./model-folders.js";
import { readRgb } from "./picture.js";

export type RequestChange = Partial<Omit<GenerateRequest, "scheduler">> & { scheduler?: string };

export interface EmbeddedPipeline {
  model: Model;
  shallow: ShallowUNet;
  net(type: "depth" | "canny"): Promise<ControlNet>;
  /** A text-to-image request of few steps, with the change. */
  request(change: RequestChange): GenerateRequest;
}

export async function openEmbedded(device: DiffusionDevice): Promise<EmbeddedPipeline> {
  const catalogue = readCatalogue({ modelsDir: EMBEDDED_MODELS });
  const entry = catalogue.models[0]!;
  const { opened: model } = await openModel(entry, device);
  const nets = new Map<string, Promise<ControlNet>>();
  const load = (net: ControlNetEntry) => openControlNet(net, device).then(({ opened }) => opened);
  return {
    model,
    shallow: (await openShallowUNet(entry, device)).opened,
    net(type) {
      const known = nets.get(type) ?? load(catalogue.controlnets.find((net) => net.type === type)!);
      nets.set(type, known);
      return known;
    },
    request: ({ scheduler = "euler", ...change }) => ({
      ...{ prompt: "a red cube on a wooden floor", negativePrompt: "blurry", width: 128, height: 128, count: 1 },
      ...{ numInferenceSteps: 10, guidanceScale: 4, guidanceRescale: 0, eta: 0, clipSkip: 0, controls: [] },
      guidanceInterval: { start: 0, end: 1 },
      deepCache: undefined,
      tokenDownsampling: 1,
      scheduler: resolveScheduler(scheduler, entry.schedulerConfig),
      ...change,
    }),
  };
}

const CONTROL_PICTURE = "embedded/inputs/purple-sphere-and-orange-cube";

/** A control that acts throughout, with the change. */
export async function embeddedControl(
  { net }: EmbeddedPipeline,
  type: "depth" | "canny",
  change: Partial<GenerateRequest["controls"][number]> = {},
): Promise<GenerateRequest["controls"][number]> {
  const image = await readRgb(`${CONTROL_PICTURE}-${type}.png`);
  return { net: await net(type), image, conditioningScale: 1, start: 0, end: 1, guessMode: false, ...change };
}

/** What a run computed: the scheduler's latents before each evaluation, the last ones, and the picture. */
export async function draw(model: Model, request: GenerateRequest, seed = 7) {
  const latents: Float32Array[] = [];
  const { images } = await generate(model, request, seededNoise([seed]), {
    now: () => performance.now(),
    checkpoint: async () => {},
    onStep: ({ latents: before }) => void latents.push(Float32Array.from(before)),
    onLatents: (last) => void latents.push(Float32Array.from(last)),
  });
  return { latents, image: images[0]! };
}

/** A copy of a network whose calls are listed by the batch they had. */
export function watchBatches<N extends ControlNet | Model["unet"] | ShallowUNet>(
  network: N,
): { watched: N; batches: number[] } {
  const batches: number[] = [];
  const run = (feeds: Tensors, fetches?: readonly string[]) => {
    batches.push(feeds.sample!.dims[0]!);
    return network.session.run(feeds, fetches);
  };
  return { watched: { ...network, session: { ...network.session, run } }, batches };
}
