/** Tries a job once more when the device failed under it, and gives up on a device that fails again and again. */

import { DeviceLost } from "@armature/core";
import type { EngineState } from "@armature/engine";
import { EngineCrashed } from "@armature/engine";

/** Losses in a row, without an answered job between them, that show that the device is broken, not unlucky. */
const MOST_LOSSES = 3;

export class DeviceLosses {
  private inARow = 0;
  private reason = "";

  /** `restart` ends the process that reported the loss: the device belongs to it. */
  constructor(private readonly restart: (reason: string) => void) {}

  /** Why the device is given up, if it is. Only a new start of the service tries it again. */
  refusal(): string | undefined {
    if (this.inARow < MOST_LOSSES) return undefined;
    return `The device failed ${this.inARow} times in a row; restart the service when it is well. The last time: ${this.reason}`;
  }

  /** The engine's state, or why it is given up though its process is well. */
  judged(state: EngineState): EngineState {
    const reason = this.refusal();
    return reason ? { ...state, status: "failed", reason } : state;
  }

  /**
   * The job's answer, or the error of the job itself. A loss starts it anew, once. Throws DeviceLost when it was lost twice,
   * or when the device has been given up.
   */
  async run<T>(job: () => Promise<T>): Promise<T> {
    this.refuse();
    try {
      return await this.attempt(job);
    } catch (error) {
      if (!isLoss(error)) throw error;
      this.refuse();
    }
    try {
      return await this.attempt(job);
    } catch (error) {
      if (isLoss(error)) throw new DeviceLost(`The device failed under this job twice: ${error.message}`);
      throw error;
    }
  }

  private async attempt<T>(job: () => Promise<T>): Promise<T> {
    try {
      const answer = await job();
      this.inARow = 0;
      return answer;
    } catch (error) {
      if (error instanceof DeviceLost) this.restart(error.message);
      if (isLoss(error)) {
        this.inARow += 1;
        this.reason = error.message;
      }
      throw error;
    }
  }

  private refuse(): void {
    const refusal = this.refusal();
    if (refusal) throw new DeviceLost(refusal);
  }
}

function isLoss(error: unknown): error is DeviceLost | EngineCrashed {
  return error instanceof DeviceLost || error instanceof EngineCrashed;
}
