import { nearest } from "@armature/core";

/** Says that there is no such thing here, which is near in its name, and which there are. */
export function notServed(kind: string, name: string, served: readonly string[]): string {
  const near = nearest(name, [...served]);
  const hint = near ? `did you mean ${near}? ` : "";
  return `there is no ${kind} ${JSON.stringify(name)} here; ${hint}served: ${served.join(", ") || "none"}`;
}
