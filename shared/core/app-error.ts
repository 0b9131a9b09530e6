/** The base of all failures that a caller may want to tell apart, and the table by which they survive the way between processes. */

export abstract class AppError extends Error {
  abstract readonly code: string;
  /** The one field of the request that is at fault, as a JSON pointer (RFC 6901), where somebody knew it. */
  declare pointer?: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** One wrong field of a request: `pointer` is a JSON pointer (RFC 6901), such as `/controlnets/0/type`. */
export interface FieldIssue {
  pointer: string;
  detail: string;
}

type ErrorClass<Code extends string> = abstract new (...args: never[]) => AppError & { readonly code: Code };

/** The errors of a table that `registerErrors` was given. */
export type ErrorOf<Table extends Record<string, abstract new (...args: never[]) => AppError>> = InstanceType<
  Table[keyof Table]
>;

const registered = new Map<string, { readonly prototype: AppError }>();

/**
 * Makes a package's errors known by their codes, in every process that loads the package; gives the table back. A row under
 * another code than the class's own does not compile. Throws where another class has the code.
 */
export function registerErrors<Table extends { [Code in keyof Table & string]: ErrorClass<Code> }>(
  table: Table,
): Table {
  for (const [code, Class] of Object.entries<{ readonly prototype: AppError }>(table)) {
    const known = registered.get(code);
    if (known && known !== Class) throw new Error(`Two classes of errors have the code ${code}`);
    registered.set(code, Class);
  }
  return table;
}

/** The class that is registered under `code`; undefined if no loaded package has one. */
export function errorClass(code: string): { readonly prototype: AppError } | undefined {
  return registered.get(code);
}
