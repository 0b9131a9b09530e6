/** What a graph's nodes compute with when it runs, once the runtime has folded what it knows before. */
import { type Dtype, foldedConstants, type GraphTrace } from "@armature/graph";

/** The types of all tensors that nodes read or give at run time. */
export function runTimeTypes(trace: GraphTrace): Set<Dtype> {
  const folded = foldedConstants(trace);
  const running = trace.nodes.filter(({ outputs }) => !outputs.every((name) => folded.has(name)));
  const names = running.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]).filter(Boolean);
  return new Set(names.map((name) => trace.values.get(name)?.dtype).filter((dtype) => dtype !== undefined));
}
