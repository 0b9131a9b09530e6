/** The path by which a layer knows its weights. */
import type { GraphBuilder, Value } from "./builder.js";

/** A place in a network: the prefix of its weight keys in the official file, and its place in an error message. */
export class Scope {
  constructor(
    readonly graph: GraphBuilder,
    readonly path: string = "",
  ) {}

  /** The scope below: `scope.at("resnets", 0)` is `resnets.0`. */
  at(...names: (string | number)[]): Scope {
    return new Scope(this.graph, [this.path, ...names].filter((name) => name !== "").join("."));
  }

  /** The weight `name` of this place, in the file's own shape. */
  weight(name: string, shape: readonly number[]): Value {
    return this.graph.weight(this.key(name), shape);
  }

  /** Rows `start` to `end` of a weight, as a byte range of the same tensor. */
  weightRows(name: string, shape: readonly number[], start: number, end: number): Value {
    return this.graph.weight(this.key(name), shape, { start, end });
  }

  /** A weight of which few rows are used. */
  table(name: string, shape: readonly number[]): Value {
    return this.graph.table(this.key(name), shape);
  }

  /** A weight in the type that the file holds. */
  storedWeight(name: string, shape: readonly number[]): Value {
    return this.graph.storedWeight(this.key(name), shape);
  }

  has(name: string): boolean {
    return this.graph.hasWeight(this.key(name));
  }

  private key(name: string): string {
    return this.at(name).path;
  }
}
