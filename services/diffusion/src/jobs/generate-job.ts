/** One generation as a job: the pictures that it starts from are made, the engine works, the pictures are encoded. Knows neither HTTP nor tensors. */
import { encodeImage } from "@armature/images";
import type { JobContext, JobKind, JobSpec, JobTypes } from "@armature/jobs";
import { type PictureReference, pictureReference } from "@armature/service";
import type PQueue from "p-queue";
import type { GenerateEvent } from "../contract/events.js";
import type { GenerateResponse } from "../contract/generate.js";
import {
  decodePictures,
  type PictureDeps,
  type PreparedFiles,
  type PreparedPictures,
  prepareFiles,
} from "../control-images/prepare.js";
import type { EngineProgress, GenerateOutcome, GeneratePayload } from "../engine/calls.js";
import { controlImagesOf } from "../features/adapters.js";
import { type CompleteRequest, completeRequest } from "../features/complete.js";
import type { ResolvedRequest } from "../features/index.js";
import { recipeOf } from "../pipelines/index.js";
import { requestWork } from "../pipelines/work.js";
import { toParameters } from "../request/resolve.js";
import { warningsOf } from "../request/warnings.js";
import type { Recipe } from "../stages/recipe.js";
import { etaEstimator } from "./eta.js";

export interface GenerateJobDeps extends PictureDeps {
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
type PictureOutput = {
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

/** A resolved request as a job, and the files that go with it. */
export async function generateSpec(
  request: ResolvedRequest,
  { sources }: Pick<PictureDeps, "sources">,
  who: Pick<JobSpec, "client" | "priority" | "deadlineMs">,
): Promise<{ spec: JobSpec<ResolvedRequest>; files: Buffer[] }> {
  const references = await Promise.all(
    request.pictures.map(({ place, source }) =>
      pictureReference(source, { pointer: place, maxBytes: sources.maxBytes, sources }),
    ),
  );
  const pictures = request.pictures.map((picture, i) => ({ ...picture, source: references[i]!.name }));
  const spec = { ...who, kind: GENERATE, cost: requestWork(request), input: { ...request, pictures } };
  return { spec, files: filesOf(references) };
}

interface Generation {
  prepared: PreparedPictures;
  /** With the size that the first picture gives, where it is left to that. */
  request: CompleteRequest;
  recipe: Recipe;
  outcome: GenerateOutcome;
}

/** Does generations. */
export function generateKind(
  deps: GenerateJobDeps,
): JobKind<ResolvedRequest, PreparedFiles, Generation, PreparedPictures> {
  return {
    needsPreparation: ({ pictures }) => pictures.length > 0,
    prepare: ({ pictures }, job) => prepareFiles(pictures, deps, job),
    isPacked: ({ pictures }) => pictures.length > 0,
    unpack: (_, prepared, job) => decodePictures(prepared, deps, job),
    async run(resolved, prepared, job) {
      const request = completeRequest(resolved, prepared.images);
      const recipe = recipeOf(request);
      const payload = { model: request.model, recipe, pictures: prepared.images };
      let eta = etaEstimator();
      const outcome = await deps.runEngine(payload, job.signal, (event) => {
        if (event.stage === "starting") eta = etaEstimator(); // what was before tells nothing of the steps
        if (event.stage === "denoising") job.progress(eta(event.step, event.steps));
      });
      return { prepared, request, recipe, outcome };
    },
    async finish(resolved, generation, job) {
      await Promise.all([...pictures(generation, deps, job), ...controlPictures(generation, deps, job)]);
      return resultOf(resolved, generation, job);
    },
  };
}

type Outputs = Promise<void>[];

function pictures({ request, outcome }: Generation, deps: GenerateJobDeps, job: JobContext): Outputs {
  const { format, quality } = request.output;
  return outcome.images.map((image, index) =>
    deps.encoding.add(async () => {
      const file = await encodeImage(image, { format, quality });
      const about = { width: image.width, height: image.height, format, seed: request.seeds[index]! };
      await job.output(file, { list: "images", index, about });
    }),
  );
}

function controlPictures({ request, prepared }: Generation, deps: GenerateJobDeps, job: JobContext): Outputs {
  return controlImagesOf(request).map(({ type, preprocessor, place }, index) =>
    deps.encoding.add(async () => {
      const image = prepared.images[place]!;
      const file = await encodeImage(image, { format: "png" });
      const about = { type, preprocessor, width: image.width, height: image.height, format: "png" };
      await job.output(file, { list: "control_images", index, about });
    }),
  );
}

function resultOf(resolved: ResolvedRequest, generation: Generation, job: JobContext): GenerateJob["result"] {
  const { request, prepared, outcome } = generation;
  return {
    parameters: toParameters(request),
    computed: outcome.computed,
    warnings: warningsOf({ resolved, ...generation, pictures: prepared.images, cutTexts: outcome.cutTexts }),
    timings: {
      queue_ms: job.queueMs,
      preprocess_ms: prepared.preprocessMs,
      load_ms: outcome.timings.loadMs,
      inference_ms: outcome.timings.inferenceMs,
      total_ms: job.ageMs(),
    },
  };
}

function filesOf(references: readonly PictureReference[]): Buffer[] {
  return references.flatMap(({ file }) => file ?? []);
}
