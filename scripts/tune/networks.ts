/** The networks whose layers can be tuned: all whose config is known, for graphs are written from that alone. */
import type { ConfiguredNetwork, Sizes } from "@armature/graph";
import { callSizes } from "../bench/call-sizes.js";
import { type Configs, configOf } from "../bench/configs.js";
import { benchNetwork, chosenNames, NETWORK_NAMES } from "../bench/networks.js";

export interface TunedNetwork {
  name: string;
  network: ConfiguredNetwork;
  /** The symbols of the graph in a request for one square picture with guidance. */
  sizesAt: (pixels: number) => Sizes;
}

/** Throws where there is no network of that name, or no config for it. */
export function tunedNetworks(names: readonly string[], configs: Configs): TunedNetwork[] {
  return chosenNames(names, "--networks").map((name) => {
    const found = NETWORK_NAMES.get(name)!;
    const network = benchNetwork(found).open(configOf(configs, found.component));
    const sizesAt = (side: number) =>
      callSizes(configs, { side, pictures: 1, tokenDownsampling: 1 })(found.component, network);
    return { name, network, sizesAt };
  });
}
