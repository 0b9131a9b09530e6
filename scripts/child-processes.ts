/** Processes that another one has started, as Linux shows them. One that ends while it is looked at does not count. */
import { readFileSync } from "node:fs";

/** Command line of a service's process that decodes pictures. */
export const DECODER = /decoder[\w-]*\.js/;

/** The ids of those whose command line matches, the oldest first. */
export function childProcesses(parent: number | undefined, command: RegExp): number[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim().split(" ").filter(Boolean);
  const commandOf = (child: string) => unlessEnded(() => readFileSync(`/proc/${child}/cmdline`, "utf8"));
  return children.filter((child) => command.test(commandOf(child) ?? "")).map(Number);
}

/** Sends them a signal; gives the ids of those that got it. */
export function signalChildren(parent: number | undefined, command: RegExp, signal: NodeJS.Signals): number[] {
  return childProcesses(parent, command).filter((pid) => unlessEnded(() => process.kill(pid, signal)));
}

/** What `look` sees of a process; undefined if that has ended. */
export function unlessEnded<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
