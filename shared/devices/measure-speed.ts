/** How a device compares with the CPU at what takes most of a UNet's time. A software device is right, and slow. */

import { conv2d, type DeviceProfile, NCHW_PROFILE } from "@armature/graph";
import { type DeviceName, openSession } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import { mapOfInput, writeCase } from "./checks/check.js";
import { SeededValues } from "./checks/seeded-scope.js";

export interface SpeedRequest {
  device: DeviceName;
  profile: DeviceProfile;
  threads: number;
}

/** Milliseconds of one convolution of the UNet's. */
export interface Speed {
  deviceMs: number;
  cpuMs: number;
}

const CHANNELS = 320;
const SIDE = 32;
const RUNS = 3;

/** The best of three runs, after one that compiles. */
export async function measureSpeed({ device, profile, threads }: SpeedRequest): Promise<Speed> {
  return {
    deviceMs: await convolutionMs(device, profile, threads),
    cpuMs: await convolutionMs("cpu", NCHW_PROFILE, threads),
  };
}

async function convolutionMs(device: DeviceName, profile: DeviceProfile, threads: number): Promise<number> {
  const values = new SeededValues(2);
  const x = { data: values.draw(CHANNELS * SIDE * SIDE), shape: [1, CHANNELS, SIDE, SIDE] };
  const { model } = writeCase(
    {
      label: "speed",
      inputs: { x },
      values,
      graph: (g, inputs) => conv2d(g, mapOfInput(inputs.x!), CHANNELS).value,
      expected: new Float32Array(),
    },
    profile,
    (result) => result,
  );
  const session = await openSession(model, { device, threads, weightsFolder: "." });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= RUNS; i++) {
    const start = performance.now();
    await session.run({ x: new Tensor("float32", x.data, x.shape) });
    if (i > 0) best = Math.min(best, performance.now() - start);
  }
  await session.release();
  return best;
}
