/** The options of a scheduler, spelled as in scheduler_config.json on the outside and in camel case inside. */

/** One option: what it is if nobody sets it, and which values the code can follow. */
export interface Option<T> {
  fallback: T;
  /** For messages: the values that `read` takes. */
  accepts: string;
  /** The value as the code uses it; undefined refuses it. */
  read(value: unknown): T | undefined;
}

export type Options = Record<string, Option<unknown>>;

/** The values of a table of options. */
export type ConfigOf<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

/** True or false; null, which Python's configs hold too, is false. */
export const flag = (fallback: boolean): Option<boolean> => ({
  fallback,
  accepts: "true or false",
  read: (value) => (typeof value === "boolean" ? value : value === null ? false : undefined),
});

/** One of some names. `renamed` holds names of other schedulers' configs that diffusers reads as one of these. */
export function oneOf<T extends string>(
  fallback: NoInfer<T>,
  names: readonly T[],
  renamed: Record<string, NoInfer<T>> = {},
): Option<T> {
  const byName = new Map<unknown, T>([...Object.entries(renamed), ...names.map((name): [string, T] => [name, name])]);
  return { fallback, accepts: names.map((name) => `"${name}"`).join(", "), read: (value) => byName.get(value) };
}

/** A whole number between two bounds, both included. */
export const integer = (fallback: number, least: number, most: number): Option<number> => ({
  fallback,
  accepts: `a whole number from ${least} to ${most}`,
  read: (value) => (Number.isInteger(value) && within(value as number, least, most) ? (value as number) : undefined),
});

/** A number between two bounds, both included; infinite ones only where a bound is infinite. */
export const real = (fallback: number, least: number, most: number): Option<number> => ({
  fallback,
  accepts: `a number from ${least} to ${most}`,
  read: (value) => (typeof value === "number" && within(value, least, most) ? value : undefined),
});

/** As `real`, or null for "not set". */
export const realOrNull = (least: number, most: number): Option<number | null> => ({
  fallback: null,
  accepts: `null or a number from ${least} to ${most}`,
  read: (value) => (value === null || (typeof value === "number" && within(value, least, most)) ? value : undefined),
});

/** An option of diffusers of which the code follows one value alone. */
export const only = <T extends boolean | string | null>(value: T): Option<T> => ({
  fallback: value,
  accepts: `only ${JSON.stringify(value)}`,
  read: (given) => (given === value || (value === false && given === null) ? value : undefined),
});

/** As `only`, for a list that has to stay empty. */
export const onlyEmpty: Option<readonly []> = {
  fallback: [],
  accepts: "only []",
  read: (value) => (Array.isArray(value) && value.length === 0 ? [] : undefined),
};

/** An option's name in scheduler_config.json: `useKarrasSigmas` is `use_karras_sigmas`. */
export const wireName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Told which option's value cannot be followed and why; must throw. */
export type Refuse = (key: string, detail: string) => never;

/**
 * Reads a table of options from values under their names in scheduler_config.json; other keys are ignored.
 */
export function readOptions<O extends Options>(
  options: O,
  values: ReadonlyMap<string, unknown>,
  refuse: Refuse,
): ConfigOf<O> {
  const entries = Object.entries(options).map(([name, option]) => {
    const key = wireName(name);
    if (!values.has(key)) return [name, option.fallback];
    const value = option.read(values.get(key));
    return [name, value === undefined ? refuse(key, `wants ${option.accepts}, found ${show(values.get(key))}`) : value];
  });
  return Object.fromEntries(entries) as ConfigOf<O>;
}

/** A value as a message may show it. */
function show(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing");
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const within = (value: number, least: number, most: number) => value >= least && value <= most;
