/** Sessions of onnxruntime on graphs whose weights stay where they are. */
import "./plain-float16.js";
import { hasCpuQuota } from "@armature/core";
import { InferenceSession } from "onnxruntime-node";

interface SessionSettings {
  /** Folder that holds the weight file of the graph; the runtime refuses paths that leave it. */
  weightsFolder: string;
  /** Threads within one operator. */
  threads: number;
  /** The graph is one that `save` wrote: nothing is left to optimise. */
  optimized?: boolean | undefined;
  /** Writes the optimised graph, and beside it its weights as the processor computes with them. */
  save?: { graphFile: string; weightsName: string };
}

/** Opens a session on the CPU. Blocks the calling thread for its whole duration: engines call it, HTTP processes never. */
export function createSession(model: Uint8Array, settings: SessionSettings): Promise<InferenceSession> {
  const { weightsFolder, threads, optimized, save } = settings;
  return InferenceSession.create(model, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: optimized ? "disabled" : "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // pictures of many sizes pass through one session: planned patterns would be kept for each
    enableMemPattern: false,
    // the runtime warns that a saved graph belongs to this processor, which the cache knows
    ...(save && { optimizedModelFilePath: save.graphFile, logSeverityLevel: 3 as const }),
    extra: {
      session: {
        model_external_initializers_file_folder_path: weightsFolder,
        // between operators, threads wait in a loop: quicker alone, slower where others or a quota share the processors
        intra_op: { allow_spinning: hasCpuQuota() ? "0" : "1" },
        ...(save && {
          save_external_prepacked_constant_initializers: "1",
          optimized_model_external_initializers_file_name: save.weightsName,
          optimized_model_external_initializers_min_size_in_bytes: "1024",
        }),
      },
    },
  });
}
