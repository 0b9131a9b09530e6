/** What holds each symbolic size when a graph runs: read from the input that tells it, or computed of others. */
import { type Dim, parseDim } from "./dim.js";

/** How values of the graph come to be; each is int64 [1]. */
interface SizeNodes<V> {
  constant(value: number): V;
  /** The size of an input along one axis. */
  read(input: V, axis: number): V;
  compute(op: "Add" | "Mul" | "Div", left: V, right: V): V;
}

/** Values are made when they are first asked for, so that no node is without use, and once. */
export class SizeValues<V> {
  private readonly known = new Map<string, V>();
  private readonly sources = new Map<string, () => V>();

  constructor(private readonly nodes: SizeNodes<V>) {}

  /** Notes that an input's axis has the size `dim`; the first input that tells a size is the one that is read. */
  learn(dim: string, input: V, axis: number): void {
    if (this.sources.has(dim)) return;
    this.sources.set(dim, () => this.nodes.read(input, axis));
    const { coefficient, factors } = parseDim(dim);
    const [factor] = factors;
    // an input of `8*H` pixels also tells H
    if (coefficient === 1 || factors.length !== 1 || !factor || this.sources.has(factor)) return;
    this.sources.set(factor, () => this.nodes.compute("Div", this.of(dim), this.nodes.constant(coefficient)));
  }

  /** Throws where no input tells the size. */
  of(dim: Dim): V {
    if (typeof dim === "number") return this.nodes.constant(dim);
    const known = this.known.get(dim);
    if (known) return known;
    const value = this.sources.get(dim)?.() ?? this.computed(dim);
    this.known.set(dim, value);
    return value;
  }

  private computed(dim: string): V {
    const { coefficient, factors } = parseDim(dim);
    if (coefficient !== 1) return this.combined("Mul", [coefficient, ...factors]);
    if (factors.length > 1) return this.combined("Mul", factors);
    const quotient = /^(ceil|floor)\((.*)\/(\d+)\)$/.exec(dim);
    if (quotient) return this.quotient(quotient[1] === "ceil", quotient[2]!.replaceAll("·", "*"), Number(quotient[3]));
    const total = /^sum\((.*)\)$/.exec(dim);
    if (total) {
      const terms = total[1]!.split("+").map((term) => term.replaceAll("·", "*"));
      return this.combined(
        "Add",
        terms.map((term) => (/^\d+$/.test(term) ? Number(term) : term)),
      );
    }
    throw new Error(`no input of the graph gives the size ${dim}`);
  }

  private quotient(up: boolean, dim: string, divisor: number): V {
    const { constant, compute } = this.nodes;
    const whole = this.of(dim);
    const raised = up ? compute("Add", whole, constant(divisor - 1)) : whole;
    return compute("Div", raised, constant(divisor));
  }

  private combined(op: "Add" | "Mul", terms: readonly Dim[]): V {
    return terms.map((term) => this.of(term)).reduce((left, right) => this.nodes.compute(op, left, right));
  }
}
