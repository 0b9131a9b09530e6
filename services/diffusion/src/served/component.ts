/** One folder of weights, as the service knows it: the networks that its tensors make, and what each takes. */
import type { Precision } from "@armature/contract";
import {
  type ConfiguredNetwork,
  CPU_PROFILE,
  type GraphTrace,
  type Network,
  requireKnownWeights,
  takenBytes,
  takenInt8Bytes,
} from "@armature/graph";
import { float32Bytes, openWeights, orInvalidModel } from "@armature/weights";
import type { ComponentRow } from "../networks/component-row.js";
import { type ComponentKind, NETWORKS } from "../networks/index.js";

/** What weights take in memory, by the precision of the networks that have a choice. */
export type PrecisionBytes = Record<Precision, number>;

export interface ServedNetwork {
  /** Its name in the table of networks, and the kind of component that it stands under. */
  network: string;
  kind: ComponentKind;
  folder: string;
  /** Whether each request of its model or adapter uses it. */
  always: boolean;
  bytes: PrecisionBytes;
}

/** What the row of a family or an adapter says of a folder, with its config as the row reads it. */
interface ComponentFolder extends Omit<ComponentRow<unknown>, "read"> {
  folder: string;
  config: unknown;
}

/**
 * Writes each graph once and drops it: a tensor that is missing, misshapen or unknown ends the start, not the first request. `note`
 * hears which tensors official loaders leave unused too.
 */
export function readComponent(
  component: ComponentFolder,
  note?: (line: string) => void,
): { networks: ServedNetwork[]; bytes: PrecisionBytes } {
  return orInvalidModel(component.folder, () => readNetworks(component, note));
}

function readNetworks({ folder, config, kind, always, sometimes }: ComponentFolder, note?: (line: string) => void) {
  const weights = openWeights(folder);
  const networks: ServedNetwork[] = [];
  const known = NETWORKS[kind].map((definition: Network) => {
    const network = definition.configured(config);
    const { name } = network;
    if (!always.includes(name) && !sometimes.includes(name)) return { network };
    const trace = network.trace(weights, CPU_PROFILE);
    networks.push({
      network: name,
      kind,
      folder,
      always: always.includes(name),
      bytes: bytesOfNetwork(network, trace),
    });
    return { network, trace };
  });
  requireKnownWeights(weights, known, note);
  return { networks, bytes: bytesOf(float32Bytes(weights), networks) };
}

function bytesOfNetwork({ digits }: Pick<ConfiguredNetwork, "digits">, trace: GraphTrace): PrecisionBytes {
  const float32 = takenBytes(trace);
  return { float32, int8: digits === "int8" ? takenInt8Bytes(trace) : float32 };
}

/** All weights once, however many networks share them. */
function bytesOf(float32: number, networks: readonly ServedNetwork[]): PrecisionBytes {
  const saved = networks.filter(({ always }) => always).map(({ bytes }) => bytes.float32 - bytes.int8);
  return { float32, int8: saved.reduce((left, bytes) => left - bytes, float32) };
}
