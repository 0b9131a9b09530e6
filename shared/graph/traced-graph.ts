/** A graph together with how it was built, for whoever wants to know more of it than its bytes. */
import type { GraphTrace, WeightSource } from "./builder.js";

export interface TracedGraph {
  graph: Uint8Array;
  trace: GraphTrace;
}

/** Calls `write`, which builds one graph over `weights`. */
export function tracedGraph(weights: WeightSource, write: (weights: WeightSource) => Uint8Array): TracedGraph {
  let trace: GraphTrace | undefined;
  const graph = write({ ...weights, traced: (built) => (trace = built) });
  if (!trace) throw new Error(`${weights.file}: no graph was built`);
  return { graph, trace };
}

/** What the tensors that a graph takes of its file are in float32, in bytes: one graph may take few of a large file's. */
export function takenBytes({ initializers }: Pick<GraphTrace, "initializers">): number {
  return initializers
    .filter(({ data }) => !(data instanceof Uint8Array))
    .reduce((total, { shape }) => total + shape.reduce((product, size) => product * size, 4), 0);
}
