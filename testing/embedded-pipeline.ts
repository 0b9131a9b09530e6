/** The embedded models on a workbench, and a plain request to change. */
import type { RgbImage } from "@armature/pixels";
import { vi } from "vitest";
import type { DiffusionDevice } from "../services/diffusion/src/facts/device-settings.js";
import type { CompleteRequest } from "../services/diffusion/src/features/complete.js";
import { type Control, controlPicture } from "../services/diffusion/src/features/controlnets.js";
import { IMAGE } from "../services/diffusion/src/features/image.js";
import { resolveScheduler } from "../services/diffusion/src/served/resolve-scheduler.js";
import { EMBEDDED_MODELS } from "./model-folders.js";
import { readRgb } from "./picture.js";
import { openWorkbench, type RunChoices, type Workbench } from "./workbench.js";

export type RequestChange = Partial<Omit<CompleteRequest, "scheduler">> & { scheduler?: string };

export interface EmbeddedPipeline {
  bench: Workbench;
  /** Makes one picture of few steps, with the change. */
  draw(change?: RequestChange, choices?: RunChoices): Promise<Drawn>;
  /** The batches that a network is called with, from now on. */
  watchBatches(component: string, network: { name: string }): Promise<() => number[]>;
}

interface Drawn {
  /** The scheduler's before each evaluation, and the last ones. */
  latents: Float32Array[];
  image: RgbImage;
  /** The pictures of all seeds; `image` is the first. */
  images: RgbImage[];
  /** Networks that a prepared form computed. */
  preparedNetworks: string[];
}

/** Id of the embedded model. */
export const MODEL = "tiny-sd";

/** `modelsDir`: where copies of the embedded models lie. */
export function openEmbedded(device: DiffusionDevice, modelsDir = EMBEDDED_MODELS): EmbeddedPipeline {
  const bench = openWorkbench({ modelsDir }, device);
  const { schedulerConfig } = bench.served.models.find(({ id }) => id === MODEL)!;
  return {
    bench,
    async draw({ scheduler = "euler", ...change } = {}, choices = {}) {
      const request = { ...USUAL, scheduler: resolveScheduler(scheduler, schedulerConfig), ...change };
      const pictures = await Promise.all([
        ...request.controls.map(async ({ type }, i) => [controlPicture(i), await readRgb(controlFile(type))] as const),
        ...(request.strength === undefined ? [] : [readRgb(START).then((picture) => [IMAGE, picture] as const)]),
      ]);
      const latents: Float32Array[] = [];
      const onStep = ({ latents: before }: { latents: Float32Array }) => void latents.push(Float32Array.from(before));
      const outcome = await bench.run(request, Object.fromEntries(pictures), { onStep, ...choices });
      const { images, preparedNetworks } = outcome;
      return { latents: [...latents, outcome.latents!], image: images[0]!, images, preparedNetworks };
    },
    async watchBatches(component, network) {
      const run = vi.spyOn(await bench.session(component, network), "run");
      return () => run.mock.calls.map(([feeds]) => Object.values(feeds)[0]!.dims[0]!);
    },
  };
}

const USUAL: Omit<CompleteRequest, "scheduler"> = {
  ...{ model: MODEL, prompt: "a red cube on a wooden floor", negativePrompt: "blurry", clipSkip: undefined },
  ...{ size: { width: 128, height: 128 }, seeds: [7], precision: undefined, numInferenceSteps: 10, eta: 0 },
  ...{ guidanceScale: 4, guidanceRescale: 0, guidanceInterval: { start: 0, end: 1 } },
  ...{ cacheInterval: 1, tokenDownsampling: 1, controls: [], pictures: [], output: { format: "png" as const } },
};

/** A control that acts throughout, with the change. */
export function embeddedControl(type: "depth" | "canny", change: Partial<Control> = {}): Control {
  return {
    ...{ type, net: `controlnet-${type}`, processor: "none", options: {}, conditioningScale: 1, start: 0, end: 1 },
    ...{ guessMode: false, conditionalOnly: change.guessMode ?? false },
    ...change,
  };
}

/** What a request with a strength starts from. */
const START = "embedded/inputs/purple-sphere-and-orange-cube.png";

const controlFile = (type: string) => `embedded/inputs/purple-sphere-and-orange-cube-${type}.png`;
