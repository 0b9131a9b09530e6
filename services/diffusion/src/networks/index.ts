/** The table of networks: for each kind of component, those that its weights hold. To add one: a file beside this one, and its row here. */
import type { Network } from "@armature/graph";
import { clipTextNetwork } from "./clip-text.js";
import { conditioningEmbeddingNetwork, controlnetNetwork } from "./controlnet.js";
import { controlnetPromptNetwork, unetPromptNetwork } from "./prompt-projections.js";
import { shallowUnetNetwork } from "./shallow-unet.js";
import { unetNetwork } from "./unet.js";
import { vaeDecoderNetwork, vaeEncoderNetwork } from "./vae.js";

export const NETWORKS = {
  text_encoder: [clipTextNetwork],
  unet: [unetNetwork, unetPromptNetwork, shallowUnetNetwork],
  vae: [vaeDecoderNetwork, vaeEncoderNetwork],
  controlnet: [controlnetNetwork, controlnetPromptNetwork, conditioningEmbeddingNetwork],
} satisfies Record<string, readonly Network[]>;

export type ComponentKind = keyof typeof NETWORKS;

/** The network of that name over a component's weights. */
export function networkOf(kind: ComponentKind, name: string): Network {
  const found = (NETWORKS[kind] as readonly Network[]).find((network) => network.name === name);
  if (!found) throw new Error(`${kind} has no network ${name}`);
  return found;
}
