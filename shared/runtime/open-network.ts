/** Opens a network on the device: once for all sizes where it computes shapes when it runs, else once per size. */
import { basename, dirname } from "node:path";
import {
  type ConfiguredNetwork,
  CPU_PREPARED_PROFILE,
  type DeviceProfile,
  encodeModel,
  type GraphTrace,
  takenBytes,
} from "@armature/graph";
import { filesOf, type WeightView } from "@armature/weights";
import type { DeviceName } from "./device-name.js";
import { openSession, type Session } from "./device-session.js";
import { withNeutral } from "./neutral-feeds.js";
import type { OpenNetworks } from "./open-networks.js";
import { preparedForm } from "./prepared/prepared-weights.js";
import { sizedSessions } from "./sized-sessions.js";

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

/** A network, its weights, and the form in which the device computes it. */
interface NetworkSource {
  network: ConfiguredNetwork;
  weights: WeightView;
  profile: DeviceProfile;
}

/** Copies of one network's weights at several sizes take no more of the device's memory than this; one copy always stays. */
const COPIES_BYTES = 4e9;
const MOST_SIZES = 4;

/**
 * A session for the network; tensors that a caller need not give are given here. On a GPU it opens itself at the first call of each
 * size.
 */
export async function openNetwork(source: NetworkSource, device: ComputeSettings): Promise<Session> {
  const { network, profile } = source;
  const session =
    device.name === undefined || device.name === "cpu" ? openOnCpu(source, device) : openSized(source, device);
  return withNeutral(await session, network.neutral(profile));
}

async function openOnCpu(source: NetworkSource, { threads, prepared }: ComputeSettings): Promise<Session> {
  const { network, weights, profile } = source;
  const form = prepared && (await openPrepared(source, prepared, threads));
  if (form) return form;
  return openSession(network.write(weights, profile), { device: "cpu", weightsFolder: weights.folder, threads });
}

function openSized({ network, weights, profile }: NetworkSource, { name, threads, opened }: ComputeSettings): Session {
  const keepOutputs = network.outputs === "device";
  const settings = { device: name!, weightsFolder: weights.folder, threads, keepOutputs };
  return sizedSessions({
    sizesOf: network.sizesOf,
    async open(sizes) {
      const session = await openSession(network.write(weights, { ...profile, sizes }), settings);
      return opened?.track(session, { weights: weights.name, network: network.name, sizes }) ?? session;
    },
    limit: copiesOf(network.trace(weights, profile), profile),
  });
}

/** How many sizes may be open at once. */
function copiesOf(trace: GraphTrace, { compute }: DeviceProfile): number {
  const bytes = takenBytes(trace) / (compute === "float16" ? 2 : 1);
  return Math.max(1, Math.min(MOST_SIZES, Math.floor(COPIES_BYTES / bytes)));
}

/**
 * Graphs that take fewer bytes of weights, counted in float32, load in place in 0.1 s: the embedded models, 18 MB and less, and
 * the conditioning embedding of a ControlNet, 4 MB. The shallow UNet of Stable Diffusion 1.5, 30 MB, gains a seventh of each call.
 */
const PREPARED_MIN_BYTES = 24e6;

/** The prepared form, made now if there is none; undefined where it would gain nothing, or cannot be had. */
async function openPrepared(
  { network, weights, profile }: NetworkSource,
  prepared: PreparedSettings,
  threads: number,
): Promise<Session | undefined> {
  const trace = network.trace(weights, { ...profile, winograd: CPU_PREPARED_PROFILE.winograd });
  const weightBytes = takenBytes(trace);
  if (weightBytes < PREPARED_MIN_BYTES) return undefined;
  // the service logs what its engine prints
  const note = (line: string) => process.stderr.write(`${line}\n`);
  const { folder } = weights;
  const name = `${basename(dirname(folder))}/${basename(folder)}`;
  const graph = encodeModel(trace);
  const form = await preparedForm(
    { name, graph, weightsFolder: folder, weightsFiles: filesOf(weights), weightBytes },
    { ...prepared, note },
  );
  if (!form) return undefined;
  const { weightsFolder } = form;
  return openSession(form.graph, { device: "cpu", weightsFolder, threads, optimized: true }).catch((error: Error) => {
    // such as when another process's limit has removed the weights by now
    note(`${name}: the prepared weights in ${weightsFolder} do not open, loading the official file (${error.message})`);
    return undefined;
  });
}
