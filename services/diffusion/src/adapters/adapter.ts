/** What an adapter is: a way to steer the UNet by a picture, through a network or inputs of its own. */
import type { PictureSize, RgbImage } from "@armature/pixels";
import type { Session, Tensors } from "@armature/runtime";
import type { Tensor } from "onnxruntime-node";
import type { NetworkUse } from "../facts/network-use.js";
import type { ModelFacts } from "../facts/served-facts.js";
import type { ModelConfigs } from "../families/index.js";
import type { ComponentRow } from "../networks/component-row.js";
import type { StepWindow } from "../schedulers/step-window.js";

/** What is known of each adapter of a request, as plain JSON: which it is, its picture, and the steps in which it acts. */
export interface AdapterSpec extends StepWindow {
  /** As the request names it. */
  type: string;
  /** Id of the served weights that it means. */
  component: string;
  /** The place of its picture in the request. */
  picture: string;
  /** Steers the conditional half of the guidance alone. */
  conditionalOnly: boolean;
}

/** A kind of adapter: `Spec` is one of a request, `Config` that of its weights. */
export interface AdapterDefinition<Spec extends AdapterSpec, Config> {
  /** What people call one, and the environment variable by which operators select those that are served. */
  label: string;
  variable: string;
  /** Its weights are in folders whose config.json has this `_class_name`. */
  weights: ComponentRow<Config> & { className: string };
  /** What it adds to an evaluation by the whole UNet, as a share of that. A shallow evaluation runs no adapter's network. */
  share: number;
  /** Whether it was made for a checkpoint of these shapes. */
  fits(config: Config, model: Pick<ModelConfigs, "unet">): boolean;
  /** The networks that prepare what all calls take. */
  preparation(spec: Spec, picture: PreparedFor): NetworkUse[];
  /** Computes that, once per request. The recipe's end frees it. */
  prepare(spec: Spec, picture: PreparedFor & { image: RgbImage }, tools: AdapterTools): Promise<Tensors>;
  /** The networks that must be loaded while it acts. */
  uses(spec: Spec, acting: PreparedFor & { inCalls: UsesInCalls }): NetworkUse[];
  /** Makes an adapter ready for the calls of one run. What computes is imported here: the HTTP process loads no runtime. */
  attach(spec: Spec, weights: { config: Config; prepared: Tensors }, tools: AdapterTools): Promise<AttachedAdapter>;
}

/** The model that it steers, and the size of the picture to make. */
export interface PreparedFor {
  model: ModelFacts;
  size: PictureSize;
}

/** The uses of a component's network in each batch of the calls in which the adapter acts. */
export type UsesInCalls = (
  component: string,
  network: { name: string },
  more?: Pick<NetworkUse, "steered">,
) => NetworkUse[];

export interface AdapterTools {
  /** The session of a network that the adapter uses. */
  session(component: string, network: { name: string }): Session;
}

/** An adapter in a run. */
export interface AttachedAdapter {
  /** Of its network and its weights, for messages. */
  name: string;
  /** What was prepared for it: lasts as long as the run. */
  prepared: Tensors;
  /**
   * What the UNet is given in one call beside the inputs of its own: `before`, which the adapters before this one gave, and what this
   * one adds. The evaluator frees what the adapter computed for the call; it may give what was prepared.
   */
  steer(call: SteeredCall): Promise<Tensors>;
}

interface SteeredCall {
  inputs: CallInputs;
  before: Tensors;
  /** Keys and values of the call's prompt by the projections of the adapter's own network. */
  promptOf(projections: Session): Promise<Tensors>;
}

/** What UNet and adapters' networks see in one call, beside the prompt. */
export interface CallInputs {
  sample: Tensor; // [B, 4, H, W]
  timestep: Tensor; // [1]
  attended_tokens: Tensor; // [T]
}

/** Declares a kind of adapter; a row of the table in index.ts makes recipes know it. */
export const defineAdapter = <Spec extends AdapterSpec, Config>(
  definition: AdapterDefinition<Spec, Config>,
): AdapterDefinition<Spec, Config> => definition;
