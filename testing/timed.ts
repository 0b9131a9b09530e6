/** The result of some work, and how long it took. */
export async function timed<T>(work: Promise<T>): Promise<[result: T, durationMs: number]> {
  const startMs = performance.now();
  return [await work, performance.now() - startMs];
}
