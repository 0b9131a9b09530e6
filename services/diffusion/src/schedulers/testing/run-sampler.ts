import type { Latents } from "../latents.js";
import type { Level } from "../prediction.js";
import type { Evaluation, Sampler } from "../scheduler.js";

export interface Drive {
  /** In place of the network. */
  answer: (evaluation: Evaluation) => Latents;
  /** In place of a stage; unless given the sample stays as it is. */
  settle?: (latents: Latents, level: Level) => Latents;
}

/** Runs a sampler to its end, without a network → its last sample. */
export function runSampler(sampler: Sampler, { answer, settle = (latents) => latents }: Drive): Latents {
  let turn = sampler.next();
  while (!turn.done) {
    const { value } = turn;
    turn = sampler.next("settle" in value ? settle(value.settle, value.level) : answer(value));
  }
  return turn.value;
}
