/** Turns failures of the queue, the store and the blobs into one error. */
import { AppError } from "@armature/core";
import { JobStoreFailed } from "./errors.js";

/** A queue, store or blobs whose failures are reported, and thrown as JobStoreFailed. Refusals, such as QueueFull, stay themselves. */
export function guarded<Part extends object>(part: Part, report: (error: unknown) => void): Part {
  const failed = (cause: unknown) => {
    if (cause instanceof AppError) throw cause;
    report(cause);
    throw new JobStoreFailed({ cause });
  };
  return new Proxy(part, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        const result: unknown = member.apply(target, args);
        return result instanceof Promise ? result.catch(failed) : result;
      };
    },
  });
}
