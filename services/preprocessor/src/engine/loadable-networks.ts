/** The networks of a processor as the residency loads them: a graph is written, a session opened. */
import type { DeviceProfile } from "@armature/graph";
import { type ComputeSettings, finiteSession, type Loadable, openNetwork, type Session } from "@armature/runtime";
import type { Processor } from "../annotators/annotator.js";
import type { AnnotatorNetwork } from "../networks/annotator-network.js";
import type { ProcessorModel, ProcessorModels } from "./processor-models.js";

export interface PreprocessorDevice extends ComputeSettings {
  profile: DeviceProfile;
}

interface LoadedNetwork<Opened> {
  /** What annotators are handed. */
  opened: Opened;
  session: Session;
}

/** The networks of a processor, ready to be loaded, by the annotator's names for them. `models` must hold the processor. */
export function loadableNetworks(
  { id, networks }: Processor,
  models: ProcessorModels,
  device: PreprocessorDevice,
): Record<string, Loadable<LoadedNetwork<unknown>>> {
  const loadables = Object.entries(networks).map(([name, network]) => {
    const entry = models[id]?.[name];
    if (!entry) throw new Error(`There is no ${name} model for ${id}`);
    return [name, loadableNetwork(network, entry, device)];
  });
  return Object.fromEntries(loadables);
}

export function loadableNetwork<Opened>(
  network: AnnotatorNetwork<Opened>,
  { id, folder, bytes }: ProcessorModel,
  device: PreprocessorDevice,
): Loadable<LoadedNetwork<Opened>> {
  return {
    key: id,
    owner: id,
    bytes,
    async load() {
      const { use, ...parts } = network.read(folder);
      const opened = await openNetwork({ ...parts, profile: device.profile }, device);
      const session = finiteSession(opened, `${parts.network.name} network of ${id}`);
      return { opened: use(session), session };
    },
    release: ({ session }) => session.release(),
  };
}
