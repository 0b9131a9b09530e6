/** A DPT model of the catalogue as what processors ask for: its graph is written, its session opened. */
import { dirname, join } from "node:path";
import type { DeviceProfile } from "@armature/shared/graph/profile";
import type { Loadable } from "@armature/shared/runtime/residency";
import { createSession } from "@armature/shared/runtime/session";
import { ModelConfig } from "@armature/shared/weights/model-config";
import { openModelFolder } from "@armature/shared/weights/model-folder";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { type PixelValues, readDptImageProcessor } from "../depth/dpt-image-processor.js";
import { dptModel } from "../networks/dpt.js";
import { readDptConfig } from "../networks/dpt-config.js";
import type { DepthModel } from "../processors/processor.js";
import type { ModelEntry } from "./catalogue.js";

export interface DeviceSettings {
  profile: DeviceProfile;
  threads: number;
}

interface LoadedDepthModel extends DepthModel {
  release(): Promise<void>;
}

export function loadableDepthModel(entry: ModelEntry, device: DeviceSettings): Loadable<LoadedDepthModel> {
  return {
    key: entry.id,
    bytes: entry.bytes,
    load: () => load(entry, device),
    release: (model) => model.release(),
  };
}

async function load({ folder }: ModelEntry, { profile, threads }: DeviceSettings): Promise<LoadedDepthModel> {
  const { config, weights } = openModelFolder(folder);
  const graph = dptModel(weights, readDptConfig(config), profile);
  const session = await createSession(graph, { weightsFolder: dirname(weights.file), threads });
  return {
    imageProcessor: readDptImageProcessor(ModelConfig.read(join(folder, "preprocessor_config.json"))),
    predict: (pixelValues) => predict(session, pixelValues),
    release: () => session.release(),
  };
}

async function predict(session: InferenceSession, { data, width, height }: PixelValues) {
  const outputs = await session.run({ pixel_values: new Tensor("float32", data, [1, 3, height, width]) });
  const depth = outputs.predicted_depth!;
  const [, depthHeight, depthWidth] = depth.dims as [number, number, number];
  return { data: depth.data as Float32Array, width: depthWidth, height: depthHeight };
}
