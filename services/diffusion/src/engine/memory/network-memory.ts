/** What a network takes of the device at one size, from the graph that the service writes for it. */
import { type ConfiguredNetwork, graphMemory } from "@armature/graph";
import { sessionKey } from "@armature/runtime";
import { openModelFolder, type WeightView } from "@armature/weights";
import { formOf, type NetworkForms } from "../../facts/device-settings.js";
import { type NetworkUse, residentKey } from "../../facts/network-use.js";
import { networkOf } from "../../networks/index.js";
import type { Served } from "../../served/served.js";
import { usedNetwork } from "../../served/served-networks.js";

export interface NetworkMemory {
  /** Id of the model or ControlNet that it belongs to. */
  component: string;
  /** What reports call it. */
  name: string;
  weightBytes: number;
  /** Of its activations at their peak: the device's allocator keeps that for the next run. */
  activationBytes: number;
  /** Key of its session on the device. */
  key: string;
  /** Key of the resident that holds the session. */
  resident: string;
}

export interface MemoryForms extends NetworkForms {
  /** Peak bytes held per byte alive at a network's peak, measured on the device. */
  heldPerLive: number;
}

/** A network whose headers and config are known, unopened. */
interface FoundNetwork {
  network: ConfiguredNetwork;
  weights: WeightView;
}

export type FindNetwork = (use: NetworkUse) => FoundNetwork;

/** Finds what is served in its folders. */
export function findInFolders(served: Served): FindNetwork {
  return (use) => {
    const { kind, folder, network } = usedNetwork(use, served);
    const { config, weights } = openModelFolder(folder);
    return { network: networkOf(kind, network).open(config), weights };
  };
}

/** Throws OutOfMemory for a tensor that the device cannot hold. */
function networkMemory(use: NetworkUse, { network, weights }: FoundNetwork, forms: MemoryForms): NetworkMemory {
  const sizes = network.ownSizes(use.sizes);
  const trace = network.trace(weights, { ...formOf(network, forms, use.precision), sizes });
  const { weightBytes, peakBytes } = graphMemory(trace, { openInputs: use.steered ? "whole" : "single" });
  return {
    component: use.component,
    name: network.label,
    weightBytes,
    activationBytes: forms.heldPerLive * peakBytes,
    key: sessionKey({ weights: weights.name, network: network.name, sizes }),
    resident: residentKey(use),
  };
}

/** Uses that are remembered: writing the graph of one takes up to a tenth of a second. */
const MOST_USES = 256;

/** The memory of each use; the last ones are remembered. */
export function memoryOfUses(find: FindNetwork, forms: MemoryForms): (uses: readonly NetworkUse[]) => NetworkMemory[] {
  const remembered = new Map<string, NetworkMemory>();
  const memoryOf = (use: NetworkUse): NetworkMemory => {
    const key = JSON.stringify(use);
    const memory = remembered.get(key) ?? networkMemory(use, find(use), forms);
    remembered.delete(key);
    remembered.set(key, memory);
    if (remembered.size > MOST_USES) remembered.delete(remembered.keys().next().value!);
    return memory;
  };
  return (uses) => uses.map(memoryOf);
}
