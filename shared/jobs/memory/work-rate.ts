/** The share of the newest job in the running averages. */
const NEWEST = 0.2;

/** How long a unit of work takes, learned from the jobs that were done. */
export class WorkRate {
  #average: { seconds: number; cost: number } | undefined;

  /** `guess`: seconds per unit until a job has been measured. */
  constructor(private readonly guess: number | undefined) {}

  /** Work without a cost, such as the loading of a model, tells nothing. */
  note(seconds: number, cost: number): void {
    if (cost === 0) return;
    const mix = (old: number, newest: number) => (1 - NEWEST) * old + NEWEST * newest;
    const old = this.#average ?? { seconds, cost };
    this.#average = { seconds: mix(old.seconds, seconds), cost: mix(old.cost, cost) };
  }

  get secondsPerCost(): number | undefined {
    return this.#average ? this.#average.seconds / this.#average.cost : this.guess;
  }
}
