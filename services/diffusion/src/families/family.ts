/** What a family of models is: the facts that all of its checkpoints share. To add one: a file beside this one, and a row in `index.ts`. */
import type { ModelConfig } from "@armature/weights";
import type { ComponentRow } from "../networks/component-row.js";
import type { ComponentKind } from "../networks/index.js";
import type { UNetConfig } from "../networks/unet-config.js";
import type { VaeConfig } from "../networks/vae.js";
import type { EncodedTexts, Text } from "../prompts/prompt-embeds.js";
import type { TextTools } from "../prompts/text-tools.js";

/** The configs of one checkpoint, by the folders of its components. Text encoders are the family's own. */
export interface ModelConfigs {
  unet: UNetConfig;
  vae: VaeConfig;
}

export interface ModelFamily<Configs extends ModelConfigs = ModelConfigs> {
  id: string;
  recognises(configOf: ConfigOf): boolean;
  /** The folders of a checkpoint with weights, by their names. */
  components: { readonly [Folder in keyof Configs]: ComponentRow<Configs[Folder]> };
  text: TextConditioning<Configs>;
  latentSpace(configs: Configs): LatentSpace;
  /** The kinds of adapters that its UNet takes, if they were made for the shapes of the checkpoint. */
  adapters: readonly ComponentKind[];
}

/** The config.json in a component's folder, before a network has read it. Throws InvalidModel where there is none. */
export type ConfigOf = (folder: string) => ModelConfig;

/** How prompts become the UNet's context. */
interface TextConditioning<Configs extends ModelConfigs> {
  /** The networks that read the texts. */
  encoders: readonly { name: string }[];
  /** The folders of their tokenizers, and what the encoder that reads each can take. */
  tokenizers(configs: Configs): readonly ({ folder: string } & TokenLimits)[];
  context(configs: Configs): TextContext;
  /** Encodes each text for itself. */
  encode(texts: readonly Text[], configs: Configs, tools: TextTools): Promise<EncodedTexts>;
}

/** Of a text encoder. */
export interface TokenLimits {
  /** Of a text. */
  tokens: number;
  /** Ids of tokens are below. */
  vocabulary: number;
}

/** What the UNet attends to. */
export interface TextContext {
  /** Of a text, with those that fill it up. */
  tokens: number;
  /** Of a token's hidden state. */
  width: number;
  /** Of the text encoder: `clip_skip` leaves some out at its end. */
  layers: number;
}

export interface LatentSpace {
  channels: number;
  /** Pixels that a latent cell spans in each direction. */
  scale: number;
  /** Latents times this have unit deviation; the UNet works on those. */
  scalingFactor: number;
}
