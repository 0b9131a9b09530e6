/** Sessions of onnxruntime on graphs whose weights stay where they are. */
import { InferenceSession } from "onnxruntime-node";

export interface SessionSettings {
  /** Folder that holds the weight file of the graph; the runtime refuses paths that leave it. */
  weightsFolder: string;
  /** Threads within one operator. */
  threads: number;
}

/** Opens a session on the CPU. Blocks the calling thread for its whole duration: engines call it, HTTP processes never. */
export function createSession(
  model: Uint8Array,
  { weightsFolder, threads }: SessionSettings,
): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // pictures of many sizes pass through one session: planned patterns would be kept for each
    enableMemPattern: false,
    extra: { session: { model_external_initializers_file_folder_path: weightsFolder } },
  });
}
