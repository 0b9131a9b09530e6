/** The driver of a scheduler: it owns the model call, guidance, progress and cancellation. */
import { allFinite, InvalidRequest } from "@armature/core";
import { Tensor } from "onnxruntime-node";
import type { CallInputs } from "../adapters/adapter.js";
import type { PromptEmbeds } from "../prompts/prompt-embeds.js";
import type { Latents } from "../schedulers/latents.js";
import type { Level } from "../schedulers/prediction.js";
import type { Evaluation, ScheduledRun, SchedulerConfig } from "../schedulers/scheduler.js";
import { attendedFeed } from "./attended.js";
import type { EvaluationCalls, NetworkCall } from "./evaluation-plan.js";
import { type DenoiseNetworks, Evaluator } from "./evaluator.js";
import { type Guidance, guide } from "./guidance.js";
import { joinAnswers, sampleOf, type TextBatch, textBatches } from "./text-batch.js";

/** How the loop denoises, as plain JSON: a new setting is declared here and used below. */
export interface DenoiseSettings {
  /** What each evaluation of the scheduler calls. */
  evaluations: readonly EvaluationCalls[];
  guidance: Guidance;
  /** Self-attention at the finest level looks at every n-th row and column of its tokens alone; 1: at all. */
  tokenDownsampling: number;
}

interface DenoiseInputs extends DenoiseSettings {
  scheduled: ScheduledRun;
  /** The run's, for messages. */
  scheduler: Pick<SchedulerConfig, "name">;
  /** Shape of the latents, [N, 4, h, w]. */
  shape: readonly [number, number, number, number];
  /** How many of the N pictures share a call of the networks: 1, or all. */
  picturesPerCall: number;
  /** Negative text, then text; the text alone without guidance. */
  embeds: PromptEmbeds;
  /** Acts between steps; what it gives is gone on with. `level`: what latents of the next step hold of picture and noise. */
  settle?: ((latents: Latents, level: Level) => Latents) | undefined;
}

export interface DenoiseEvents {
  /** After each evaluation of the network. `latents` are the scheduler's, before the step; not to be kept. */
  onStep?: (step: { done: number; total: number; latents: Float32Array }) => void;
  /** Before an evaluation of a kind that comes for the first time, but the first of all: a device may have to open networks. */
  onNewKind?: () => void;
  /** Awaited before each evaluation; throws to end the run. */
  checkpoint: () => Promise<void>;
}

/** Runs the scheduler's loop → latents [N, 4, h, w] as the UNet sees them at the end. */
export async function denoiseLatents(
  networks: DenoiseNetworks,
  inputs: DenoiseInputs,
  events: DenoiseEvents,
): Promise<Float32Array> {
  const { evaluations, guidance, shape, settle = (latents) => latents } = inputs;
  const batchesOf = textBatches({ embeds: inputs.embeds, pictures: shape[0], perCall: inputs.picturesPerCall });
  const sampler = inputs.scheduled.run();
  const total = inputs.scheduled.evaluations;
  const attended = attendedFeed(networks.unet.config, [shape[2], shape[3]], inputs.tokenDownsampling);
  const evaluator = new Evaluator(networks);
  const noiseOf = async (
    evaluation: Evaluation,
    { texts, adapters }: NetworkCall,
    how: Kind,
  ): Promise<Float32Array> => {
    const batches = batchesOf(texts);
    const answers: Float32Array[] = [];
    for (const batch of batches) {
      const callInputs = { ...stepInputs(evaluation, batch, shape), ...attended };
      answers.push(await evaluator.noise(batch, callInputs, { adapters, ...how }));
    }
    return joinAnswers(answers, batches);
  };
  try {
    let turn = sampler.next();
    let done = 0;
    while (!turn.done) {
      if ("settle" in turn.value) {
        turn = sampler.next(settle(turn.value.settle, turn.value.level));
        continue;
      }
      await events.checkpoint();
      requireFinite(turn.value.modelInput, inputs);
      const { calls, guided, newKind, whole, keep } = evaluations[done]!;
      if (newKind) events.onNewKind?.();
      const outputs: Float32Array[] = [];
      for (const call of calls) outputs.push(await noiseOf(turn.value, call, { whole, keep }));
      done++;
      events.onStep?.({ done, total, latents: turn.value.sample });
      turn = sampler.next(guide(outputs, guided ? guidance : undefined, shape[0]));
    }
    requireFinite(turn.value, inputs);
    return turn.value;
  } finally {
    evaluator.release();
  }
}

type Kind = Pick<EvaluationCalls, "whole" | "keep">;

/** The networks check what they give: where latents are not finite, it is the scheduler's arithmetic. */
function requireFinite(latents: Latents, { scheduler }: DenoiseInputs): void {
  if (allFinite(latents)) return;
  const detail = `${scheduler.name} made latents that are not finite: its options, the request's or else the model's, do not go together`;
  throw new InvalidRequest([{ pointer: "/scheduler", detail }]);
}

function stepInputs(
  { modelInput, timestep }: Evaluation,
  batch: TextBatch,
  shape: DenoiseInputs["shape"],
): Omit<CallInputs, "attended_tokens"> {
  return { sample: sampleOf(modelInput, batch, shape), timestep: new Tensor("float32", [timestep], [1]) };
}
