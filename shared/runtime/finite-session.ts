import { allFinite, NotFinite } from "@armature/core";
import type { Tensor } from "onnxruntime-node";
import type { Session } from "./device-session.js";
import type { Tensors } from "./device-tensors.js";

/** The session, whose results are checked as far as they come to the caller: throws NotFinite, with `name`. */
export function finiteSession(session: Session, name: string): Session {
  return {
    async run(feeds, fetches) {
      const results = await session.run(feeds, fetches);
      if (areFinite(results)) return results;
      throw notFinite(name);
    },
    release: () => session.release(),
  };
}

/** The error for a network that gave numbers that are not finite. */
export function notFinite(name: string): NotFinite {
  return new NotFinite(
    `The ${name} gave numbers that are not finite: its weights hold such numbers, or make numbers too large for their type`,
  );
}

/** Whether the numbers of all tensors are; those in a device's memory are not looked at. */
export function areFinite(tensors: Tensors): boolean {
  return Object.values(tensors).every(holdsFinite);
}

function holdsFinite(tensor: Tensor): boolean {
  if (tensor.location !== "cpu" || tensor.type !== "float32") return true;
  return allFinite(tensor.data as Float32Array);
}
