/** What a request asks of networks, from its payload. */
import { clipTextNetwork } from "../networks/clip-text.js";
import { conditioningEmbeddingNetwork, controlnetNetwork } from "../networks/controlnet.js";
import { attendedTokens } from "../networks/ports/attended-tokens.js";
import { controlnetPromptNetwork, unetPromptNetwork } from "../networks/prompt-projections.js";
import { shallowUnetNetwork } from "../networks/shallow-unet.js";
import { unetNetwork } from "../networks/unet.js";
import { vaeDecoderNetwork } from "../networks/vae.js";
import type { ControlNetEntry, ModelEntry } from "./catalogue.js";
import type { GeneratePayload } from "./jobs.js";
import type { NetworkUse } from "./network-use.js";

type PayloadField =
  | "model"
  | "width"
  | "height"
  | "seeds"
  | "guidanceScale"
  | "guidanceInterval"
  | "cacheInterval"
  | "tokenDownsampling";

/** What of a payload decides which networks are used, and at which sizes. */
export type SizingPayload = Pick<GeneratePayload, PayloadField> & {
  precision?: GeneratePayload["precision"];
  controls: readonly { type: string; guessMode: boolean }[];
};

/** What of the catalogue does. */
export interface SizingCatalogue {
  models: readonly Pick<ModelEntry, "id" | "text" | "unet" | "latents">[];
  controlnets: readonly Pick<ControlNetEntry, "id" | "type" | "config">[];
}

/** `tileSide`: of the tiles that pictures are decoded in, in latent cells. */
export function requestUses(
  payload: SizingPayload,
  catalogue: SizingCatalogue,
  tileSide = Number.POSITIVE_INFINITY,
): NetworkUse[] {
  const model = catalogue.models.find(({ id }) => id === payload.model);
  if (!model) throw new Error(`The engine does not serve ${payload.model}`);
  const nets = netsOf(payload, catalogue);
  const { precision, guidanceScale, cacheInterval, tokenDownsampling } = payload;
  const { scale } = model.latents;
  const latent = { H: payload.height / scale, W: payload.width / scale };
  const T = attendedTokens(model.unet, [latent.H, latent.W], tokenDownsampling).length;
  const controlled = nets.length > 0;
  const steps = batchesOf(payload, nets).map((B) => ({ B, S: model.text.tokens, T, ...latent }));
  const each = (component: string, { name: network }: { name: string }): NetworkUse[] =>
    steps.map((sizes) => ({ component, network, precision, sizes, controlled }));
  return [
    { component: model.id, network: clipTextNetwork.name, sizes: { B: guidanceScale > 1 ? 2 : 1 } },
    ...each(model.id, unetPromptNetwork),
    ...each(model.id, unetNetwork),
    {
      component: model.id,
      network: vaeDecoderNetwork.name,
      // one picture at a time, in tiles where it is larger than the device takes whole
      sizes: { B: 1, H: Math.min(tileSide, latent.H), W: Math.min(tileSide, latent.W) },
    },
    ...(cacheInterval > 1 ? each(model.id, shallowUnetNetwork) : []),
    ...nets.flatMap(({ id }) => [
      // of a control picture, before the first step
      { component: id, network: conditioningEmbeddingNetwork.name, sizes: { B: 1, ...latent } },
      ...each(id, controlnetPromptNetwork),
      ...each(id, controlnetNetwork),
    ]),
  ];
}

/** The ControlNets of the request, each once. */
function netsOf({ controls }: SizingPayload, { controlnets }: SizingCatalogue) {
  return [...new Set(controls.map(({ type }) => type))].map((type) => {
    const found = controlnets.find((net) => net.type === type);
    if (!found) throw new Error(`The engine does not serve ${type}`);
    return found;
  });
}

/** The batches of UNet and ControlNets. As the pipeline has it, a ControlNet in guess mode parts the halves of the guidance. */
function batchesOf(
  { seeds, guidanceScale, guidanceInterval, controls }: SizingPayload,
  nets: ReturnType<typeof netsOf>,
): number[] {
  const images = seeds.length;
  const guided = guidanceScale > 1;
  const parted = controls.some(({ guessMode }) => guessMode) || nets.some(({ config }) => config.globalPool);
  const throughout = guidanceInterval.start <= 0 && guidanceInterval.end >= 1;
  return [...new Set([guided && !parted ? 2 * images : images, ...(throughout ? [] : [images])])];
}
