/** One generation as a job: the control images are made, the engine works, the pictures are encoded. Knows neither HTTP nor tensors. */
import type { GenerateEvent, GenerateResponse } from "@armature/contract";
import { encodeImage } from "@armature/images";
import type { JobContext, JobKind, JobSpec, JobTypes } from "@armature/jobs";
import { type PictureReference, pictureReference } from "@armature/service";
import type PQueue from "p-queue";
import { type ControlImageDeps, type PreparedControls, prepareControlImages } from "../control-images/prepare.js";
import type { EngineProgress, GenerateOutcome, GeneratePayload } from "../engine/jobs.js";
import { toParameters, toPayload, warningsOf } from "../request/generation.js";
import type { GeneratePlan } from "../request/plan.js";
import { etaEstimator } from "./eta.js";

export interface GenerateJobDeps extends ControlImageDeps {
  /** How many pictures are encoded at once. */
  encoding: PQueue;
  runEngine(
    payload: GeneratePayload,
    signal: AbortSignal,
    onProgress: (event: EngineProgress) => void,
  ): Promise<GenerateOutcome>;
}

/** The lists of pictures that an answer has. */
type PictureList = "images" | "control_images";

/** A picture that is done: where it stands in the answer, and all that the answer says of it but its bytes, which are a blob. */
export type PictureOutput = {
  [List in PictureList]: {
    list: List;
    index: number;
    about: Omit<GenerateResponse[List][number], "image">;
    blob: string;
  };
}[PictureList];

export interface GenerateJob extends JobTypes {
  progress: Extract<GenerateEvent, { event: "progress" }>["data"];
  output: PictureOutput;
  result: Omit<GenerateResponse, "id" | PictureList>;
}

export const GENERATE = "generate";

/** The planned request as a job, and the files that go with it. */
export async function generateSpec(
  plan: GeneratePlan,
  { sources }: Pick<ControlImageDeps, "sources">,
  who: Pick<JobSpec, "client" | "priority" | "deadlineMs">,
): Promise<{ spec: JobSpec<GeneratePlan>; files: Buffer[] }> {
  const { request, cost } = plan;
  const pictures = await Promise.all(
    request.controlnets.map(({ image }, i) => {
      return pictureReference(image, { pointer: `/controlnets/${i}/image`, maxBytes: sources.maxBytes, sources });
    }),
  );
  const controlnets = request.controlnets.map((net, i) => ({ ...net, image: pictures[i]!.name }));
  const spec = { ...who, kind: GENERATE, cost, input: { ...plan, request: { ...request, controlnets } } };
  return { spec, files: filesOf(pictures) };
}

interface Generation {
  controls: PreparedControls;
  payload: GeneratePayload;
  outcome: GenerateOutcome;
}

/** Does generations. */
export function generateKind(deps: GenerateJobDeps): JobKind<GeneratePlan, PreparedControls, Generation> {
  return {
    needsPreparation: ({ request }) => request.controlnets.length > 0,
    prepare: ({ request }, job) => prepareControlImages(request.controlnets, deps, job),
    async run(plan, controls, job) {
      const payload = toPayload(plan, controls.images);
      let eta = etaEstimator();
      const outcome = await deps.runEngine(payload, job.signal, (event) => {
        if (event.stage === "starting") eta = etaEstimator(); // loading and waiting tell nothing of the steps
        if (event.stage === "denoising") job.progress(eta(event.step, event.steps));
      });
      return { controls, payload, outcome };
    },
    async finish(plan, generation, job) {
      await Promise.all([...pictures(plan, generation, deps, job), ...controlPictures(plan, generation, deps, job)]);
      return resultOf(plan, generation, job);
    },
  };
}

type Outputs = Promise<void>[];

function pictures(plan: GeneratePlan, { outcome }: Generation, deps: GenerateJobDeps, job: JobContext): Outputs {
  const { format, quality } = plan.request.output;
  return outcome.images.map((image, index) =>
    deps.encoding.add(async () => {
      const file = await encodeImage(image, { format, quality });
      const about = { width: image.width, height: image.height, format, seed: plan.seeds[index]! };
      await job.output(file, { list: "images", index, about });
    }),
  );
}

function controlPictures(
  plan: GeneratePlan,
  { controls }: Generation,
  deps: GenerateJobDeps,
  job: JobContext,
): Outputs {
  return controls.images.map(({ image, processor }, index) =>
    deps.encoding.add(async () => {
      const file = await encodeImage(image, { format: "png" });
      const { type } = plan.request.controlnets[index]!;
      const about = { type, preprocessor: processor, width: image.width, height: image.height, format: "png" };
      await job.output(file, { list: "control_images", index, about });
    }),
  );
}

function resultOf(
  plan: GeneratePlan,
  { controls, payload, outcome }: Generation,
  job: JobContext,
): GenerateJob["result"] {
  const { loadMs, promptMs, controlMs, denoiseMs, decodeMs } = outcome.timings;
  return {
    parameters: toParameters(plan, payload, controls.images),
    warnings: warningsOf(plan, outcome),
    timings: {
      queue_ms: job.queueMs,
      preprocess_ms: controls.preprocessMs,
      load_ms: loadMs,
      inference_ms: promptMs + controlMs + denoiseMs + decodeMs,
      total_ms: job.ageMs(),
    },
  };
}

function filesOf(pictures: readonly PictureReference[]): Buffer[] {
  return pictures.flatMap(({ file }) => file ?? []);
}
