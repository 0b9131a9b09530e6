/** A part of the steps, as diffusers cuts it for ControlNets. */

export interface StepWindow {
  /** Shares of the steps at which it begins and ends, 0..1. */
  start: number;
  end: number;
}

/** Whether evaluation `index` of `count` lies whole in the window. */
export function covers({ start, end }: StepWindow, index: number, count: number): boolean {
  return !(index / count < start || (index + 1) / count > end);
}
