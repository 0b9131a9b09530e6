/** Depth networks in transformers' layout, as annotators use them: config.json, preprocessor_config.json and safetensors in a folder. */
import { join } from "node:path";
import { InvalidModel } from "@armature/core";
import type { Network } from "@armature/graph";
import type { FloatMap } from "@armature/pixels";
import type { Session } from "@armature/runtime";
import { ModelConfig, openModelFolder } from "@armature/weights";
import { Tensor } from "onnxruntime-node";
import type { AnnotatorNetwork } from "../networks/annotator-network.js";
import { type DptImageProcessor, type PixelValues, readDptImageProcessor } from "./dpt-image-processor.js";

export interface DepthNetwork {
  imageProcessor: DptImageProcessor;
  /** `pixel_values` [1, 3, H, W] → `predicted_depth` [h, w]. */
  predict(pixelValues: PixelValues): Promise<FloatMap>;
}

interface DepthNetworkDefinition<Config> extends Omit<AnnotatorNetwork<DepthNetwork>, "read"> {
  /** Takes `pixel_values` [B, 3, patch*H, patch*W] and gives `predicted_depth`. */
  network: Network<Config>;
  /** Pixels along the side of a patch. */
  patchOf(config: Config): number;
}

export function depthNetwork<Config>(definition: DepthNetworkDefinition<Config>): AnnotatorNetwork<DepthNetwork> {
  const { network, patchOf, ...annotated } = definition;
  return {
    ...annotated,
    read(folder) {
      const { config: file, weights } = openModelFolder(folder);
      const config = network.read(file);
      const processorFile = join(folder, "preprocessor_config.json");
      const imageProcessor = readDptImageProcessor(ModelConfig.read(processorFile));
      checkPatches(imageProcessor, patchOf(config), processorFile);
      return {
        network: network.configured(config),
        weights,
        use: (session) => ({ imageProcessor, predict: (pixelValues) => predict(session, pixelValues) }),
      };
    },
  };
}

/** Pictures that the processor makes must have sides that the network can cut into patches. */
function checkPatches({ resize }: DptImageProcessor, patch: number, file: string): void {
  const divides = (side: number) => side % patch === 0;
  if (resize && divides(resize.multiple)) return;
  const { width, height } = resize?.size ?? { width: 0, height: 0 };
  const fixed = resize && !resize.keepAspectRatio && resize.multiple === 1;
  if (fixed && divides(width) && divides(height)) return;
  const cure = resize ? "ensure_multiple_of" : "do_resize with ensure_multiple_of";
  throw new InvalidModel(`${file}: pictures need not become multiples of the patch; ${cure} ${patch} is wanted`);
}

async function predict(session: Session, { data, width, height }: PixelValues): Promise<FloatMap> {
  const { predicted_depth } = await session.run({
    pixel_values: new Tensor("float32", data, [1, 3, height, width]),
  });
  const [, depthHeight, depthWidth] = predicted_depth!.dims as [number, number, number];
  return { data: predicted_depth!.data as Float32Array, width: depthWidth, height: depthHeight };
}
