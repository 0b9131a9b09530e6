/** The driver of a scheduler: it owns the model call, guidance, progress and cancellation. */
import { disposeOnDevice } from "@armature/shared/runtime/devices/device-tensors";
import { Tensor } from "onnxruntime-node";
import type { ScheduledJob } from "../schedulers/scheduler.js";
import type { UNet } from "./components.js";
import { addResiduals, type ControlUnit, noResiduals } from "./control.js";
import { type Guidance, guide } from "./guidance.js";
import { conditionalPass, guidedPasses, type Pass } from "./passes.js";
import type { PromptEmbeds } from "./prompt.js";
import { covers } from "./step-window.js";

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
  const { embeds, controls, guidance, shape } = inputs;
  const plain = [conditionalPass(embeds, controls, shape[0])];
  const guided = guidance ? guidedPasses(embeds, controls, shape[0]) : [];
  const sampler = inputs.job.run();
  const total = inputs.job.evaluations;
  let turn = sampler.next();
  for (let done = 0; !turn.done; done++) {
    await events.checkpoint();
    const { modelInput, timestep, sample } = turn.value;
    const call = { modelInput, timestep, index: done, total };
    const guiding = guidance && covers(guidance.interval, done, total) ? guidance : undefined;
    const outputs: Float32Array[] = [];
    for (const pass of guiding ? guided : plain) outputs.push(await evaluate(unet, inputs, pass, call));
    events.onStep?.({ done: done + 1, total, latents: sample });
    turn = sampler.next(guide(outputs, guiding, shape[0]));
  }
  return turn.value;
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
      if (!covers(unit, call.index, call.total)) continue;
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
