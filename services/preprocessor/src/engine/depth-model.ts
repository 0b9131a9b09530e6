/** A session of a depth network as what processors ask for. */
import type { Session } from "@armature/runtime";
import { Tensor } from "onnxruntime-node";
import type { DptImageProcessor, PixelValues } from "../depth/dpt-image-processor.js";
import type { DepthModel } from "../processors/processor.js";

export function depthModel(imageProcessor: DptImageProcessor, session: Session): DepthModel {
  return { imageProcessor, predict: (pixelValues) => predict(session, pixelValues) };
}

async function predict(session: Session, { data, width, height }: PixelValues) {
  const { predicted_depth } = await session.run({
    pixel_values: new Tensor("float32", data, [1, 3, height, width]),
  });
  const [, depthHeight, depthWidth] = predicted_depth!.dims as [number, number, number];
  return { data: predicted_depth!.data as Float32Array, width: depthWidth, height: depthHeight };
}
