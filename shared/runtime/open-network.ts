/** Opens a network on the device: once for all sizes where it computes shapes when it runs, else once a size. */
import { basename, dirname } from "node:path";
import { CPU_PREPARED_PROFILE, type DeviceProfile, takenBytes, tracedGraph, type WeightSource } from "@armature/graph";
import { float32Bytes, type SafetensorsHeader } from "@armature/weights";
import type { DeviceName } from "./device-name.js";
import { openSession, type Session } from "./device-session.js";
import type { Tensors } from "./device-tensors.js";
import type { OpenNetworks } from "./open-networks.js";
import { preparedForm } from "./prepared/prepared-weights.js";
import { type Sizes, sizedSessions } from "./sized-sessions.js";

export interface ComputeSettings {
  /** What computes; default the CPU. */
  name?: DeviceName;
  threads: number;
  /** Where weights are kept in the form that the CPU computes with; undefined: every start takes the official files. */
  prepared?: PreparedSettings | undefined;
  /** Where sessions on a GPU are recorded while they are open. */
  opened?: OpenNetworks | undefined;
}

export interface PreparedSettings {
  folder: string;
  limitBytes: number;
}

export interface Network {
  weights: SafetensorsHeader;
  /** Which of the graphs over these weights. */
  graph: string;
  profile: DeviceProfile;
  /** Writes the graph over these weights. */
  write: (weights: WeightSource, profile: DeviceProfile) => Uint8Array;
  /** The sizes of a call, by the symbols of the graph. */
  sizesOf: (feeds: Tensors) => Sizes;
  /** The results are for another network of the same device. */
  keepOutputs?: boolean;
}

/** Copies of one network's weights at several sizes take no more of the device's memory than this; one copy always stays. */
const COPIES_BYTES = 4e9;
const MOST_SIZES = 4;

/** A session for the network. On a GPU it opens itself at the first call of each size. */
export async function openNetwork(network: Network, device: ComputeSettings): Promise<Session> {
  const { weights, graph, profile, write, sizesOf, keepOutputs } = network;
  const { name = "cpu", threads, opened } = device;
  const settings = { device: name, weightsFolder: dirname(weights.file), threads, keepOutputs };
  if (name === "cpu") return (await openPrepared(network, device)) ?? openSession(write(weights, profile), settings);
  return sizedSessions({
    sizesOf,
    async open(sizes) {
      const session = await openSession(write(weights, { ...profile, sizes }), settings);
      return opened?.track(session, { file: weights.file, graph, sizes }) ?? session;
    },
    limit: Math.max(1, Math.min(MOST_SIZES, Math.floor(COPIES_BYTES / weightBytes(weights, profile)))),
  });
}

/**
 * Graphs that take fewer bytes of weights, reckoned in float32, load in place in 0.1 s: the embedded models, 18 MB and less, and
 * the conditioning embedding of a ControlNet, 4 MB. The shallow UNet of Stable Diffusion 1.5, 30 MB, gains a seventh of each call.
 */
const PREPARED_MIN_BYTES = 24e6;

/** The prepared form, made now if there is none; undefined where it is not wanted, or cannot be had. */
async function openPrepared(network: Network, { threads, prepared }: ComputeSettings): Promise<Session | undefined> {
  const { weights, profile, write } = network;
  if (!prepared) return undefined;
  const withWinograd = { ...profile, winograd: CPU_PREPARED_PROFILE.winograd };
  const { graph, trace } = tracedGraph(weights, (source) => write(source, withWinograd));
  const weightBytes = takenBytes(trace);
  if (weightBytes < PREPARED_MIN_BYTES) return undefined;
  const folder = dirname(weights.file);
  const name = `${basename(dirname(folder))}/${basename(folder)}`;
  const source = { name, graph, weightsFolder: folder, weightsFile: weights.file, weightBytes };
  // the service logs what its engine prints
  const note = (line: string) => process.stderr.write(`${line}\n`);
  const form = await preparedForm(source, { ...prepared, note });
  if (!form) return undefined;
  const { weightsFolder } = form;
  return openSession(form.graph, { device: "cpu", weightsFolder, threads, optimized: true }).catch((error: Error) => {
    // such as when another process's limit has removed the weights by now
    note(`${name}: the prepared weights in ${weightsFolder} do not open, loading the official file (${error.message})`);
    return undefined;
  });
}

/** What the weights take on the device. */
export function weightBytes(weights: SafetensorsHeader, { compute }: DeviceProfile): number {
  return compute === "float16" ? float32Bytes(weights) / 2 : float32Bytes(weights);
}
