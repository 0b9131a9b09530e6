/**
 * Another process's work at a chosen moment: just before or just after a call of the file system. A test file puts the calls under
 * watch with `vi.mock`, whose factory runs before the file's own imports are there:
 *
 *     vi.mock(import("node:fs"), async (original) => (await import("./intrusion.js")).watched(await original()));
 */
import { expect } from "vitest";

interface Intrusion {
  when: "before" | "after";
  call: string;
  path: RegExp;
  act: () => void;
}

let planned: Intrusion[] = [];

/** Does `act` once, just before the next call of this name whose first argument matches `path`. */
export function justBefore(call: string, path: RegExp, act: () => void): void {
  planned.push({ when: "before", call, path, act });
}

/** Does `act` once, when the next such call has been answered, and before its caller hears of it. */
export function justAfter(call: string, path: RegExp, act: () => void): void {
  planned.push({ when: "after", call, path, act });
}

/** Fails where a planned moment did not come: the test would pass without having tried anything. */
export function expectAllCame(): void {
  const left = planned.map(({ when, call, path }) => `${when} ${call} ${path}`);
  planned = [];
  expect(left, "moments that did not come").toEqual([]);
}

/** The module with each of its functions under watch. */
export function watched<Module extends object>(module: Module): Module {
  const calls = Object.entries(module).map(([name, value]) => [name, isCall(value) ? watch(name, value) : value]);
  return Object.fromEntries(calls) as Module;
}

type Call = (...args: unknown[]) => unknown;

/** Classes, such as `Stats`, are left alone, and so is what hangs on a function, such as `realpath.native`. */
function isCall(value: unknown): value is Call {
  return typeof value === "function" && !/^[A-Z]/.test(value.name);
}

function watch(name: string, call: Call): Call {
  const watching = (...args: unknown[]) => {
    const due = planned.find((intrusion) => intrusion.call === name && intrusion.path.test(String(args[0])));
    planned = planned.filter((intrusion) => intrusion !== due);
    if (due?.when === "before") due.act();
    const result = call(...args);
    return due?.when === "after" ? followed(result, due.act) : result;
  };
  return Object.assign(watching, call);
}

function followed(result: unknown, act: () => void): unknown {
  if (result instanceof Promise) return result.finally(act);
  act();
  return result;
}
