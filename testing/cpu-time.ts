/** How much work something is, on a machine that may be busy with other things. */

/** The result of `work`, and what it took of the processor in all threads of this process, in ms: waiting for a core does not count. */
export async function cpuTimed<Result>(work: () => Result | Promise<Result>): Promise<[result: Result, cpuMs: number]> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return [result, (user + system) / 1000];
}
