/** The driver of a scheduler: it owns the model call, guidance, progress and cancellation. */
import { disposeOnDevice } from "@armature/shared/runtime/devices/device-tensors";
import { Tensor } from "onnxruntime-node";
import type { ScheduledJob } from "../schedulers/scheduler.js";
import type { UNet } from "./components.js";
import { addResiduals, type ControlUnit, isActive, noResiduals } from "./control.js";
import { type Guidance, guide } from "./guidance.js";
import { type PromptEmbeds, pickText, repeatEach } from "./prompt.js";

export interface DenoiseInputs {
  job: ScheduledJob;
  /** Shape of the latents, [N, 4, h, w]. */
  shape: readonly [number, number, number, number];
  /** Negative text, then text; the text alone without guidance. */
  embeds: PromptEmbeds;
  /** Undefined: none, and one text. */
  guidance: Guidance | undefined;
  controls: ControlUnit[];
}

export interface DenoiseEvents {
  /** After each evaluation of the network. `latents` are the scheduler's, before the step; not to be kept. */
  onStep?: (step: { done: number; total: number; latents: Float32Array }) => void;
  /** Awaited before each evaluation; throws to end the job. */
  checkpoint: () => Promise<void>;
}

/** Runs the scheduler's loop → latents [N, 4, h, w] as the UNet sees them at the end. */
export async function denoise(unet: UNet, inputs: DenoiseInputs, events: DenoiseEvents): Promise<Float32Array> {
  const passes = planPasses(inputs);
  const sampler = inputs.job.run();
  const total = inputs.job.evaluations;
  let turn = sampler.next();
  for (let done = 0; !turn.done; done++) {
    await events.checkpoint();
    const { modelInput, timestep, sample } = turn.value;
    const call = { modelInput, timestep, index: done, total };
    const outputs: Float32Array[] = [];
    for (const pass of passes) outputs.push(await evaluate(unet, inputs, pass, call));
    events.onStep?.({ done: done + 1, total, latents: sample });
    turn = sampler.next(guide(outputs, inputs.guidance, inputs.shape[0]));
  }
  return turn.value;
}

/** One call of the networks: `texts` halves of the guidance share it. */
interface Pass {
  texts: number;
  context: Tensor; // [texts * N, 77, D]
  controls: ControlUnit[];
}

/**
 * Both halves of the guidance in one call, unless a ControlNet in guess mode guides the conditional half alone: then each half
 * has its own call, at the same cost.
 */
function planPasses({ embeds, guidance, controls, shape: [count] }: DenoiseInputs): Pass[] {
  if (!guidance) return [{ texts: 1, context: repeatEach(embeds, count), controls }];
  const unguessed = controls.filter((unit) => !unit.guessMode);
  if (unguessed.length === controls.length) return [{ texts: 2, context: repeatEach(embeds, count), controls }];
  return [
    { texts: 1, context: repeatEach(pickText(embeds, 0), count), controls: unguessed },
    { texts: 1, context: repeatEach(pickText(embeds, 1), count), controls },
  ];
}

interface Call {
  modelInput: Float32Array; // [N, 4, h, w]
  timestep: number;
  index: number;
  total: number;
}

async function evaluate(unet: UNet, { shape }: DenoiseInputs, pass: Pass, call: Call): Promise<Float32Array> {
  const [count, ...latentShape] = shape;
  const step = {
    sample: new Tensor("float32", repeat(call.modelInput, pass.texts), [pass.texts * count, ...latentShape]),
    timestep: new Tensor("float32", [call.timestep], [1]),
    context: pass.context,
  };
  let residuals = noResiduals(unet);
  try {
    for (const unit of pass.controls) {
      if (!isActive(unit, call.index, call.total)) continue;
      const before = residuals;
      residuals = await addResiduals(unit, step, before);
      disposeOnDevice(before);
    }
    const { noise } = await unet.session.run({ ...step, ...residuals });
    return noise!.data as Float32Array;
  } finally {
    disposeOnDevice(residuals);
  }
}

function repeat(values: Float32Array, times: number): Float32Array {
  if (times === 1) return values;
  const repeated = new Float32Array(times * values.length);
  for (let i = 0; i < times; i++) repeated.set(values, i * values.length);
  return repeated;
}
