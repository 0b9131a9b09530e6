/** What a family of models is: the facts that all of its checkpoints share. To add one: a file beside this one, and a row in `index.ts`. */
import type { ClipTextConfig } from "../networks/clip-text.js";
import type { ComponentKind } from "../networks/index.js";
import type { UNetConfig } from "../networks/unet-config.js";
import type { VaeConfig } from "../networks/vae.js";

/** The configs of one checkpoint. */
export interface ModelConfigs {
  text: ClipTextConfig;
  unet: UNetConfig;
  vae: VaeConfig;
}

export interface ModelFamily {
  id: string;
  recognises(configs: ModelConfigs): boolean;
  /** The folders of a checkpoint with weights, by their names. */
  components: Readonly<Record<string, FamilyComponent>>;
  textConditioning: TextConditioning;
  latentSpace(configs: ModelConfigs): LatentSpace;
  /** The kinds of adapters that its UNet takes, if they were made for the shapes of the checkpoint. */
  adapters: readonly ComponentKind[];
}

/** How a prompt becomes the UNet's context. */
interface TextConditioning {
  /** The folder of the tokenizer's files. */
  tokenizer: string;
  /** Width of the hidden states that the UNet attends to. */
  contextWidth(configs: ModelConfigs): number;
}

interface FamilyComponent {
  kind: ComponentKind;
  /** Names of the networks that every request uses. */
  always: readonly string[];
  /** Names of those that some requests use beside them. */
  sometimes: readonly string[];
}

export interface LatentSpace {
  channels: number;
  /** Pixels that a latent cell spans in each direction. */
  scale: number;
  /** Latents times this have unit deviation; the UNet works on those. */
  scalingFactor: number;
}
