/** Zeros for the tensors that a caller need not give. */
import type { ZeroTensor } from "@armature/graph";
import { Tensor } from "onnxruntime-node";
import type { Session } from "./device-session.js";
import type { Tensors } from "./device-tensors.js";

/** The session, with these tensors fed wherever a call does not give its own. */
export function withNeutral(session: Session, neutral: Readonly<Record<string, ZeroTensor>>): Session {
  const zeros: Tensors = Object.fromEntries(Object.entries(neutral).map(([name, zero]) => [name, zeroTensor(zero)]));
  return {
    prepared: session.prepared,
    run: (feeds, fetches) => session.run({ ...zeros, ...feeds }, fetches),
    release: () => session.release(),
  };
}

function zeroTensor({ dtype, shape }: ZeroTensor): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return dtype === "float16"
    ? new Tensor("float16", new Uint16Array(count), shape)
    : new Tensor("float32", new Float32Array(count), shape);
}
