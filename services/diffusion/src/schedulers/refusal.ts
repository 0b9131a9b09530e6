/** What a scheduler cannot follow. Where a request is resolved it becomes an answer that points at the field. */
export class SchedulerRefusal extends Error {
  /** `option`: the one at fault, under its name in scheduler_config.json; undefined where it is the number of steps. */
  constructor(
    detail: string,
    readonly option?: string,
  ) {
    super(detail);
  }
}
