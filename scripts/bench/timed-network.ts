/** One network that is timed: opened in one of the benchmark's forms, and called with made-up values where none are given. */
import {
  CPU_INT8_PROFILE,
  CPU_PROFILE,
  type DeviceProfile,
  NCHW_PROFILE,
  type Network,
  type Sizes,
} from "@armature/graph";
import { openNetwork, type Tensors } from "@armature/runtime";
import { openModelFolder } from "@armature/weights";
import { completeFeeds } from "./feeds.js";
import { benchNetwork, type ComponentNetwork } from "./networks.js";

/**
 * How the graph is written: over the official file in place; over prepared weights; over prepared weights with 8-bit layers where the
 * network allows them; or as a converter writes it (NCHW, unfused attention).
 */
export type Form = "in place" | "prepared" | "int8" | "plain";

/** A network at the sizes of its calls: plain JSON. */
export interface TimedNetwork extends ComponentNetwork {
  /** Folder with config.json and weights, in diffusers' or transformers' layout. */
  folder: string;
  sizes: Sizes;
}

export interface OpeningSettings {
  form: Form;
  /** Where prepared forms are kept. */
  cache: string;
  threads: number;
}

/** One call: `given` are tensors that other networks gave. */
export type Call = (given?: Tensors) => Promise<Tensors>;

export async function openTimed(timed: TimedNetwork, { form, cache, threads }: OpeningSettings): Promise<Call> {
  const { config, weights } = openModelFolder(timed.folder);
  const network = benchNetwork(timed).open(config);
  const profile = profileOf(network, form);
  const prepared = form === "prepared" || form === "int8" ? { folder: cache, limitBytes: 1e12 } : undefined;
  const session = await openNetwork({ network, weights, profile }, { threads, prepared });
  const feedsOf = completeFeeds(network, { ...profile, sizes: timed.sizes });
  return (given = {}) => session.run(feedsOf(given));
}

/** Whether the network differs in this form from its others: `int8` is `prepared` where it allows no 8 bits. */
export const hasForm = ({ digits }: Pick<Network, "digits">, form: Form): boolean =>
  form !== "int8" || digits === "int8";

function profileOf(network: Pick<Network, "digits">, form: Form): DeviceProfile {
  if (form === "int8" && hasForm(network, form)) return CPU_INT8_PROFILE;
  return form === "plain" ? NCHW_PROFILE : CPU_PROFILE;
}
