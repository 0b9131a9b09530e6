/**
 * Sizes of a tensor. A size that is known when the graph is built is a number; one that is known only when it runs is the
 * canonical text of a product, such as `B`, `2*H` or `B*H*W`, so that equal sizes are equal strings.
 */
export type Dim = number | string;

/** The product of sizes: `product(2, "H", "B")` is `2*B*H`. */
export function product(...dims: Dim[]): Dim {
  let coefficient = 1;
  const factors: string[] = [];
  for (const dim of dims) {
    if (typeof dim === "number") coefficient *= dim;
    else {
      const parsed = parseDim(dim);
      coefficient *= parsed.coefficient;
      factors.push(...parsed.factors);
    }
  }
  if (factors.length === 0 || coefficient === 0) return coefficient;
  factors.sort();
  return (coefficient === 1 ? factors : [String(coefficient), ...factors]).join("*");
}

/** `dim` divided by a number, rounded up; exact where the coefficient allows it. */
export function ceilDiv(dim: Dim, divisor: number): Dim {
  if (typeof dim === "number") return Math.ceil(dim / divisor);
  const { coefficient, factors } = parseDim(dim);
  if (divisor === 1 || coefficient % divisor === 0) return product(coefficient / divisor, ...factors);
  return `ceil(${dim.replaceAll("*", "·")}/${divisor})`;
}

/** `dim` divided by a number, rounded down. */
export function floorDiv(dim: Dim, divisor: number): Dim {
  if (typeof dim === "number") return Math.floor(dim / divisor);
  const { coefficient, factors } = parseDim(dim);
  if (coefficient % divisor === 0) return product(coefficient / divisor, ...factors);
  return `floor(${dim.replaceAll("*", "·")}/${divisor})`;
}

/** The sum of sizes along a concatenated axis. */
export function sum(...dims: Dim[]): Dim {
  const known = dims.filter((dim) => typeof dim === "number").reduce((total, dim) => total + dim, 0);
  const symbols = dims.filter((dim) => typeof dim === "string").map((dim) => dim.replaceAll("*", "·"));
  if (symbols.length === 0) return known;
  if (symbols.length === 1 && known === 0) return symbols[0]!.replaceAll("·", "*");
  return `sum(${[...symbols.sort(), ...(known ? [known] : [])].join("+")})`;
}

/** `dim` with its symbols replaced by the numbers known for them. */
export function bindDim(dim: Dim, sizes: Readonly<Record<string, number>>): Dim {
  if (typeof dim === "number") return dim;
  const { coefficient, factors } = parseDim(dim);
  return product(coefficient, ...factors.map((factor) => sizes[factor] ?? factor));
}

/** The value of a size where every symbol is `typical`. */
export function typicalSize(dim: Dim, typical: number): number {
  if (typeof dim === "number") return dim;
  const { coefficient, factors } = parseDim(dim);
  return factors.reduce((total, factor) => total * typicalFactor(factor, typical), coefficient);
}

function typicalFactor(factor: string, typical: number): number {
  const size = (text: string) => typicalSize(/^\d+$/.test(text) ? Number(text) : text.replaceAll("·", "*"), typical);
  const quotient = /^(ceil|floor)\((.*)\/(\d+)\)$/.exec(factor);
  if (quotient) return Math[quotient[1] as "ceil" | "floor"](size(quotient[2]!) / Number(quotient[3]));
  const total = /^sum\((.*)\)$/.exec(factor);
  if (total) return total[1]!.split("+").reduce((result, term) => result + size(term), 0);
  return typical;
}

/** Splits a symbolic size into its number and its symbols. */
export function parseDim(dim: string): { coefficient: number; factors: string[] } {
  const parts = dim.split("*");
  const first = Number(parts[0]);
  return Number.isInteger(first) ? { coefficient: first, factors: parts.slice(1) } : { coefficient: 1, factors: parts };
}
