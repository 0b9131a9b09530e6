/** Sessions on any device, as pipelines use them: feeds in, tensors out, and nothing of one device's memory in another's hands. */
import { InferenceSession } from "onnxruntime-node";
import { toDeviceError } from "./device-error.js";
import type { DeviceName } from "./device-name.js";
import { countOnDevice, type Tensors } from "./device-tensors.js";
import { createSession } from "./session.js";

export interface Session {
  /** Whether it computes with the prepared form of its weights, whose results may differ in the last bits; absent: it does not. */
  readonly prepared?: boolean | undefined;
  run(feeds: Tensors, fetches?: readonly string[]): Promise<Tensors>;
  release(): Promise<void>;
}

interface DeviceSessionSettings {
  device: DeviceName;
  /** Folder that holds the weight file of the graph; the runtime refuses paths that leave it. */
  weightsFolder: string;
  /** Threads within one operator, where the CPU computes. */
  threads: number;
  /** Results stay in the device's memory, where it can pass them on: they are for another session, and the caller disposes them. */
  keepOutputs?: boolean | undefined;
  /** The graph is a prepared form, for the CPU: nothing is left to optimise. */
  optimized?: boolean | undefined;
}

/**
 * Opens a session. Blocks the calling thread. On WebGPU a node without a kernel is an error, never a silent step on the CPU.
 * Throws DeviceUnavailable where the device, its driver or its libraries are missing.
 */
export async function openSession(model: Uint8Array, settings: DeviceSessionSettings): Promise<Session> {
  const { device, weightsFolder, threads, optimized } = settings;
  try {
    const session =
      device === "cpu"
        ? await createSession(model, { weightsFolder, threads, optimized })
        : await InferenceSession.create(model, OPTIONS[device](settings));
    return { ...guarded(session, device), prepared: optimized };
  } catch (error) {
    throw toDeviceError(error, device);
  }
}

const OPTIONS: Record<
  Exclude<DeviceName, "cpu">,
  (settings: DeviceSessionSettings) => InferenceSession.SessionOptions
> = {
  webgpu: ({ weightsFolder, keepOutputs }) => ({
    executionProviders: ["webgpu"],
    ...(keepOutputs && { preferredOutputLocation: "gpu-buffer" as const }),
    extra: { session: { ...external(weightsFolder), disable_cpu_ep_fallback: "1" } },
  }),
  // the binding copies every output of this provider to the CPU: there is nothing to keep
  cuda: ({ weightsFolder }) => ({
    executionProviders: ["cuda", "cpu"],
    extra: { session: external(weightsFolder) },
  }),
};

function external(weightsFolder: string) {
  return { model_external_initializers_file_folder_path: weightsFolder };
}

function guarded(session: InferenceSession, device: DeviceName): Session {
  return {
    async run(feeds, fetches) {
      refuseForeign(feeds, device);
      try {
        const results = fetches ? await session.run(feeds, fetches) : await session.run(feeds);
        countOnDevice(results);
        return results;
      } catch (error) {
        throw toDeviceError(error, device);
      }
    },
    release: () => session.release(),
  };
}

/** A session of another provider would read the address of a device buffer as its contents, without an error. */
function refuseForeign(feeds: Tensors, device: DeviceName): void {
  for (const [name, tensor] of Object.entries(feeds)) {
    if (tensor.location === "gpu-buffer" && device !== "webgpu") {
      throw new Error(`${name} lies in the memory of a WebGPU device; a ${device} session cannot read it`);
    }
  }
}
