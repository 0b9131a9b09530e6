/** Weights of a check: drawn from a seed, and numbers that a float16 holds too, so that one answer serves both types. */

import { floatToHalf, halfToFloat, TorchGenerator } from "@armature/core";
import { type GraphBuilder, Scope, type Value } from "@armature/graph";

export class SeededValues {
  private readonly generator: TorchGenerator;
  private readonly weights = new Map<string, Float32Array>();

  constructor(seed: number) {
    this.generator = new TorchGenerator(seed);
  }

  /** `count` normal numbers around `mean`, rounded to float16. */
  draw(count: number, deviation = 1, mean = 0): Float32Array {
    const drawn = this.generator.randn(count).map((value) => mean + deviation * value);
    return halfToFloat(floatToHalf(drawn));
  }

  /** The weight of that name, drawn at its first use: as large as trained ones, so that a layer keeps the size of its input. */
  weight(name: string, shape: readonly number[]): Float32Array {
    const known = this.weights.get(name);
    if (known) return known;
    const count = shape.reduce((product, size) => product * size, 1);
    const inputs = count / shape[0]!;
    const drawn = shape.length === 1 ? this.draw(count, 0.1, 1) : this.draw(count, 1 / Math.sqrt(inputs));
    this.weights.set(name, drawn);
    return drawn;
  }
}

/** A place in a check's network: its weights are constants of the graph. */
export class SeededScope extends Scope {
  constructor(
    graph: GraphBuilder,
    private readonly values: SeededValues,
    path = "",
  ) {
    super(graph, path);
  }

  override at(...names: (string | number)[]): SeededScope {
    return new SeededScope(this.graph, this.values, super.at(...names).path);
  }

  override weight(name: string, shape: readonly number[]): Value {
    return this.graph.floats([...this.values.weight(this.at(name).path, shape)], shape);
  }
}
