/** A DPT model of the catalogue as what processors ask for: its graph is written, its session opened. */
import { join } from "node:path";
import type { DeviceProfile } from "@armature/graph";
import { type ComputeSettings, type Loadable, openNetwork, type Session } from "@armature/runtime";
import { ModelConfig, openModelFolder } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import { type PixelValues, readDptImageProcessor } from "../depth/dpt-image-processor.js";
import { dptModel } from "../networks/dpt.js";
import { readDptConfig } from "../networks/dpt-config.js";
import type { DepthModel } from "../processors/processor.js";
import type { ModelEntry } from "./catalogue.js";

export interface DeviceSettings extends ComputeSettings {
  profile: DeviceProfile;
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

async function load({ folder }: ModelEntry, device: DeviceSettings): Promise<LoadedDepthModel> {
  const { config, weights } = openModelFolder(folder);
  const dpt = readDptConfig(config);
  const { patch } = dpt.vit;
  const session = await openNetwork(
    {
      weights,
      graph: "depth",
      profile: device.profile,
      write: (source, sized) => dptModel(source, dpt, sized),
      sizesOf: ({ pixel_values }) => {
        const [B, , height, width] = pixel_values!.dims as [number, number, number, number];
        return { B, H: height / patch, W: width / patch };
      },
    },
    device,
  );
  return {
    imageProcessor: readDptImageProcessor(ModelConfig.read(join(folder, "preprocessor_config.json"))),
    predict: (pixelValues) => predict(session, pixelValues),
    release: () => session.release(),
  };
}

async function predict(session: Session, { data, width, height }: PixelValues) {
  const { predicted_depth } = await session.run({
    pixel_values: new Tensor("float32", data, [1, 3, height, width]),
  });
  const [, depthHeight, depthWidth] = predicted_depth!.dims as [number, number, number];
  return { data: predicted_depth!.data as Float32Array, width: depthWidth, height: depthHeight };
}
